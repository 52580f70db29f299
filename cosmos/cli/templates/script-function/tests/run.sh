#!/bin/sh
# Runs the function by hand, as it runs in its sandbox, and looks at what it leaves.
set -eu
function=$(cd "$(dirname "$0")/../functions/encode" && pwd)/encode.sh
desk=$(mktemp -d)
trap 'rm -r "$desk"' EXIT
cd "$desk"
mkdir output
echo '{"source": "a.mov"}' > params.json
"$function"
grep -q '"source": "a.mov"' output/result.json || {
    echo "encode does not tell what it was asked for:"
    cat output/result.json
    exit 1
}
echo "encode: ok"
