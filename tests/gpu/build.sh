#!/usr/bin/env bash
# Builds what `run.sh` runs on a machine with a GPU; needs no GPU itself: the program, the benchmark, the
# tests and the report generator, into `tests/gpu/bin`. CUDA's toolkit is in $CUDA_PATH, $CUDA_ROOT or
# $CUDA_HOME, otherwise next to nvcc.
#
#   CUDA_PATH=/usr/local/cuda tests/gpu/build.sh [FOLDER]           # CUDA_COMPUTE_CAP=90: the GPU's architecture (Hopper)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${1:-$here/bin}
cuda=${CUDA_PATH:-${CUDA_ROOT:-${CUDA_HOME:-$(dirname "$(dirname "$(command -v nvcc || echo /none/bin/nvcc)")")}}}
if [[ ! -x $cuda/bin/nvcc ]]; then
  echo "there is no CUDA toolkit at $cuda: set CUDA_PATH; \`dichroic doctor\` says how to get one" >&2
  exit 1
fi
export CUDA_PATH=$cuda CUDA_ROOT=$cuda CUDA_HOME=$cuda CUDA_TOOLKIT_ROOT_DIR=$cuda PATH=$cuda/bin:$PATH
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-90} CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target-cuda}
# Paths for the linker; $RUSTFLAGS is not changed, so that an earlier build can be reused.
for libraries in "$cuda"/lib64/stubs "$cuda"/lib "$cuda"/lib64; do
  [[ ! -d $libraries ]] || export LIBRARY_PATH=$libraries${LIBRARY_PATH:+:$LIBRARY_PATH}
done
cd "$root"

# PDF output is not needed here.
common=(--release --locked --workspace --no-default-features --features cuda --message-format=json-render-diagnostics)
messages=$(mktemp)
trap 'rm -f "$messages"' EXIT
cargo build "${common[@]}" --bins --bench gpu --example gpu_report >"$messages"
cargo test "${common[@]}" --no-run --lib >>"$messages"

rm -rf "$folder"
report=$(find "$CARGO_TARGET_DIR/release/examples" -maxdepth 1 -name gpu_report)
"$report" collect "$root" "$folder" <"$messages"
# Half of a binary is candle's kernels for formats that are not used here; compression leaves a quarter of it.
find "$folder" -type f -size +4M -print0 | xargs -0 -r -n 1 -P 2 xz -1

# What has to be copied: all files that git does not ignore, and the binaries.
tree=$(git ls-files --cached --others --exclude-standard -z | xargs -0 -r du -bc | awk 'END { print $1 }')
binaries=$(du -sb "$folder" | awk '{ print $1 }')
ls -l "$folder"
echo "binaries $((binaries >> 20)) MiB, tree $((tree >> 20)) MiB, together $(((binaries + tree) >> 20)) MiB"
grep -E '"glibc"|"commit"|"dirty"' "$folder/carried.json"
