// Drives BullMQ on the Redis at the port given: reads commands, one line of JSON each, and
// answers each with one line. It uses the library as its documentation does: one `Queue`, whose
// concurrent calls the Redis client pipelines, and one `Worker` of the concurrency given.

import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';

const [port, clients, priorities, payloadBytes] = process.argv.slice(2).map(Number);
const STRIDE = 7919;
const IDLE_MS = 5;
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } });
const payload = 'x'.repeat(payloadBytes);
let number = 0;

const add = () => queue.add('job', { payload }, { priority: 1 + ((number++ * STRIDE) % priorities) });

async function enqueue(messages) {
  const latencies = [];
  let left = messages;
  const client = async () => {
    while (left-- > 0) {
      const start = performance.now();
      await add();
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return latencies;
}

// The script that completes a job also leases the next one: from the start of a job to its
// `completed` is one lease and complete.
async function leaseComplete(messages) {
  const latencies = [];
  const starts = new Map();
  const { promise, resolve } = withResolvers();
  const worker = new Worker(queue.name, async (job) => { starts.set(job.id, performance.now()); }, {
    connection, concurrency: clients, autorun: false,
  });
  worker.on('completed', (job) => {
    if (latencies.length === messages) return;
    latencies.push(performance.now() - starts.get(job.id));
    starts.delete(job.id);
    if (latencies.length === messages) resolve();
  });
  await worker.waitUntilReady();
  const end = clock();
  worker.run();
  await promise;
  const cost = end();
  await worker.close();
  return { latencies, cost };
}

async function pickUp(times) {
  const latencies = [];
  let start;
  let picked;
  const worker = new Worker(queue.name, async () => { latencies.push(performance.now() - start); }, { connection });
  worker.on('completed', () => picked());
  await worker.waitUntilReady();
  for (let time = 0; time < times; time++) {
    await pause(IDLE_MS);
    const { promise, resolve } = withResolvers();
    picked = resolve;
    start = performance.now();
    await add();
    await promise;
  }
  await worker.close();
  return latencies;
}

function withResolvers() {
  let resolve;
  const promise = new Promise((resolved) => { resolve = resolved; });
  return { promise, resolve };
}

// Starts to measure; what it returns tells the seconds and the processor time since.
function clock() {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - start) / 1e3, cpu_us: user + system };
  };
}

async function run({ act, times }) {
  if (act === 'lease_complete') {
    const { latencies, cost } = await leaseComplete(times);
    return { latencies, ...cost };
  }
  const end = clock();
  const latencies = await (act === 'enqueue' ? enqueue(times) : pickUp(times));
  return { latencies, ...end() };
}

await queue.waitUntilReady();
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line))));
}
await queue.close();
