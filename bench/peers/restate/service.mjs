// The steps of the measurement as a service of Restate: node service.mjs PORT
import http2 from "node:http2";

// Node 20 has it under no name.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new Promise((a, b) => ((resolve = a), (reject = b)));
  return { promise, resolve, reject };
};

const restate = await import("@restatedev/restate-sdk");

const steps = restate.service({
  name: "Steps",
  handlers: {
    ten: async (ctx) => {
      let last = 0;
      for (let step = 0; step < 10; step++) last = await ctx.run(`s${step}`, () => step);
      return last;
    },
  },
});

const fan = restate.service({
  name: "Fan",
  handlers: {
    leaf: async (_ctx, number) => number,
    out: async (ctx, count) => {
      const leaves = Array.from({ length: count }, (_, n) => ctx.serviceClient({ name: "Fan" }).leaf(n));
      const numbers = await restate.RestatePromise.all(leaves);
      return await ctx.run("join", () => numbers.length);
    },
  },
});

const handler = restate.createEndpointHandler({ services: [steps, fan] });
http2.createServer(handler).listen(Number(process.argv[2]), "127.0.0.1");
