#!/usr/bin/env bash
# Everything about a GPU in one command: pinned cases, training compared with PyTorch, profiles of a step,
# whole experiments; one page.
#
#   tests/gpu/run.sh [--device cuda|cpu] [--small] [--seconds N] [--parts A,B] [--bin FOLDER] [FOLDER]
#
# Runs what `build.sh` built elsewhere; needs a driver, CUDA's libraries (PyTorch's are sufficient), and for
# comparisons a Python with torch and timm. Writes gpu.json, gpu.md and gpu.log to FOLDER, otherwise to $OUT,
# otherwise to reports/gpu, and updates them after each part. Each part has a share of the time (480 s) and
# may fail without affecting others; the most valuable come first. `--device cpu --small` checks without a GPU
# that everything works.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
device=cuda small=no budget= wanted= bin=$here/bin out=
while (($#)); do
  case $1 in
  --device) device=$2 && shift 2 ;;
  --small) small=yes && shift ;;
  --seconds) budget=$2 && shift 2 ;;
  --parts) wanted=$2 && shift 2 ;;
  --bin) bin=$2 && shift 2 ;;
  --*) echo "unknown option $1" >&2 && exit 2 ;;
  *) out=$1 && shift ;;
  esac
done
out=${out:-${OUT:-$root/reports/gpu}}
[[ -n $budget ]] || if [[ $small == yes ]]; then budget=180; else budget=480; fi
[[ -f $bin/carried.tsv ]] || { echo "there are no binaries in $bin: tests/gpu/build.sh makes them" >&2 && exit 1; }
mkdir -p "$out" && out=$(cd "$out" && pwd)
bin=$(cd "$bin" && pwd)
work=$(mktemp -d)
background=()
end_all() { for process in "${background[@]}"; do kill -- "-$process" 2>/dev/null; done; }
trap 'end_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Binaries are compressed, and may have lost their executable bit.
mkdir "$work/bin" && cp "$bin"/* "$work/bin/" && bin=$work/bin
unpack='import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[1][:-3], "wb"))'
for file in "$bin"/*.xz; do
  [[ -f $file ]] || continue
  xz -d "$file" 2>/dev/null || "${DICHROIC_PYTHON:-python3}" -c "$unpack" "$file" &
done
wait
chmod +x "$bin"/*
while read -r file; do
  [[ -x $bin/$file ]] || { echo "$file is not whole: build.sh makes it; xz, or a Python, unpacks it" >&2 && exit 1; }
done < <(cut -f2 "$bin/carried.tsv")
cp "$bin/carried.json" "$work/"
export root device small budget bin work

# name<TAB>value, for the page
note() { [[ -z $2 ]] || printf '%s\t%s\n' "$1" "$2" >>"$work/machine.tsv"; }
# Files of a role: `program`, `bench`, `report`, `tests`.
files() { awk -F'\t' -v role="$1" -v bin="$bin" '$1 == role { print bin "/" $2 }' "$bin/carried.tsv"; }
export -f files

page() {
  note_last
  "$(files report)" page "$work" "$out" 2>>"$work/page.err" || cat "$work/page.err" >&2
  (cd "$work" && tail -n +1 -- *.tsv *.out *.err *.txt 2>/dev/null | tail -c 12000000) >"$out/gpu.log"
}
# The total time is known last; the page has the latest value.
note_last() { grep -v '^seconds' "$work/machine.tsv" >"$work/m" && mv "$work/m" "$work/machine.tsv" && note seconds "$SECONDS"; }

# start_in_background FILE LIMIT COMMAND…: its output goes to FILE, its errors to FILE.err without `.out`.
start_in_background() {
  local name=$1 seconds=$2
  shift 2
  set -m # a process group of its own
  timeout -k 5 "$seconds" "$@" >"$work/$name" 2>"$work/${name%.out}.err" </dev/null &
  set +m
  background+=($!)
}

# part NAME UNTIL: runs the function NAME until UNTIL percent of the time have passed.
part() {
  local name=$1 left=$((budget * $2 / 100 - SECONDS)) began=$SECONDS status
  [[ -z $wanted || ,$wanted, == *,$name,* ]] || return 0
  # The first part always has time to report what is missing.
  [[ $name != machine ]] || ((left > 20)) || left=20
  if ((left < 5)); then
    status=- && echo "no time was left" >"$work/$name.err"
  else
    echo "== $name (at $SECONDS s, for $left s at most)"
    export limit=$left
    export -f "$name"
    # In the background, so that the part ends if this script is ended.
    start_in_background "$name.out" "$left" bash -uo pipefail -c "$name"
    wait "${background[-1]}"
    status=$?
    [[ $status == 0 ]] || tail -n 3 "$work/$name.err"
  fi
  printf '%s\t%s\t%s\t%s\n' "$name" "$status" "$((SECONDS - began))" "$left" >>"$work/parts.tsv"
  page
}

# --- This machine
# -----------------------------------------------------------------------------------------------------------

system_path=${LD_LIBRARY_PATH:-}
python=$(command -v "${DICHROIC_PYTHON:-python3}" || true)

# CUDA's libraries: those of Python's packages first, so that both sides use the same, then common places.
library_folders() {
  if [[ -n $python ]]; then
    timeout 20 "$python" - <<'PYTHON' 2>/dev/null
import glob, os, site, sys
for folder in dict.fromkeys([*site.getsitepackages(), site.getusersitepackages(), *sys.path]):
    for pattern in ("nvidia/*/lib", "nvidia/cu*/lib", "torch/lib"):
        print(*filter(os.path.isdir, glob.glob(os.path.join(folder, pattern))), sep="\n")
PYTHON
  fi
  ls -d /usr/local/nvidia/lib64 /usr/local/nvidia/lib "${CUDA_PATH:-/usr/local/cuda}/lib64" /usr/local/cuda-1[3-9]*/lib64 \
    /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/lib/wsl/lib 2>/dev/null
}
while read -r folder; do
  [[ -z $folder || :${LD_LIBRARY_PATH:-}: == *":$folder:"* ]] || LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
done < <(library_folders | awk '!seen[$0]++')
export LD_LIBRARY_PATH

missing=$(ldd "$(files program)" 2>&1 | grep -E 'not found' | awk '{ $1 = $1 } 1')
if [[ $missing == *libcuda.so.1* && $device == cpu ]]; then
  # Without a driver, a stub from the toolkit lets the program start; it computes on the CPU only.
  stub=$(for folder in ${LIBRARY_PATH:-} "${CUDA_PATH:-/usr/local/cuda}"/lib64/stubs; do ls "$folder/libcuda.so"; done 2>/dev/null | head -n 1)
  mkdir -p "$work/stub" && ln -sf "${stub:-/none}" "$work/stub/libcuda.so.1" && LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$work/stub
  missing=$(ldd "$(files program)" 2>&1 | grep -E 'not found' | awk '{ $1 = $1 } 1')
fi

# PyTorch with the libraries that it would load itself, in a process whose group ends with this script.
printf '#!/usr/bin/env bash\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$system_path" "${python:-/none}" >"$work/python"
chmod +x "$work/python"
torch=$(timeout 60 "$work/python" -c 'import timm, torch; print(torch.__version__, torch.version.cuda, "timm", timm.__version__)' 2>&1 | tail -n 1)
[[ $torch == *timm* && $torch != *Error* ]] && export DICHROIC_PYTHON=$work/python || unset DICHROIC_PYTHON
export DICHROIC_PEER=$root/tests/benches/gpu_peer.py
# What is compiled here is used by the next part, and removed with the folder.
export XDG_CACHE_HOME=$work/cache CUDA_CACHE_PATH=$work/cache/nv
export TORCHINDUCTOR_CACHE_DIR=$work/inductor TRITON_CACHE_DIR=$work/triton TORCHINDUCTOR_FX_GRAPH_CACHE=1

machine() {
  "$(files program)" --version || return
  "$(files program)" doctor | tee "$work/doctor"
  [[ $device == cpu ]] || { nvidia-smi && grep -qE '^ok +cuda' "$work/doctor"; }
}

ask_gpu() { nvidia-smi --query-gpu="$1" --format=csv,noheader,nounits 2>/dev/null | head -n 1; }
note gpu "$(if [[ $device == cuda ]]; then ask_gpu name; else echo 'a processor'; fi)"
note date "$(date -u +%F)"
note device "$device"
note small "$small"
note budget_s "$budget"
note driver "$(ask_gpu driver_version)"
note processor "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(nproc) cores"
note system "$(uname -sr), glibc $(ldd --version | head -n 1 | grep -oE '[0-9.]+$')"
note PyTorch "$torch"
note 'C compiler' "$(command -v cc || echo 'none: torch.compile needs one')"
note 'libraries that lack' "${missing:-none}"
note 'CUDA libraries' "$(ldd "$(files program)" 2>/dev/null | awk '$1 ~ /cuda|cublas|nvrtc|curand/ && $3 ~ /^\// { print $3 }' | xargs -r -n 1 dirname | sort -u | xargs)"
major=$(ldd "$(files program)" 2>&1 | grep -oE 'libcublas.so.[0-9]+' | grep -oE '[0-9]+$' | head -n 1)
theirs=$(grep -oE ' 1[0-9]\.[0-9]+' <<<"$torch" | head -n 1 | cut -d. -f1 | xargs)
[[ -z $theirs || $theirs == "$major" ]] ||
  note 'two CUDA versions' "PyTorch brings CUDA $theirs, the binaries need $major: build them with that toolkit, or install CUDA $major"

# --- The parts ---------------------------------------------------------------------------------------------------------------

size=() && [[ $small == yes ]] && size=(--small)
export size_words="${size[*]}"
formats=bf16,tf32,f32 && [[ $device == cpu ]] && formats=f32
export formats

# Every test that runs on GPUs; a failed one is run again in a separate process, because one bad kernel makes
# all later ones fail.
pinned() {
  local role file package words number=0
  while IFS=$'\t' read -r role file package words; do
    [[ $role == tests ]] || continue
    number=$((number + 1))
    export CARGO_MANIFEST_DIR=$root/$package
    cd "$CARGO_MANIFEST_DIR" || exit
    [[ $small == no ]] || words=$(cut -d' ' -f1,2 <<<"$words")
    local text=$work/pinned-$number.txt
    # shellcheck disable=SC2086 # words are words
    timeout -k 5 $((limit * 3 / 4)) "$bin/$file" $words --test-threads=1 --show-output >"$text" 2>"$work/pinned-$number.err"
    local again
    if grep -q '^test result' "$text"; then
      again=$(grep -oP '^test \K.*(?= \.\.\. FAILED)' "$text")
    else
      # The program was interrupted without results: run each test separately.
      # shellcheck disable=SC2086
      again=$("$bin/$file" $words --list | grep -oP '.*(?=: test$)')
    fi
    [[ -z $again ]] || xargs -P 4 -I NAME bash -c \
      'timeout -k 2 60 "$1" "$2" --exact --test-threads=1 --show-output >"$work/alone-$3-${2//:/_}.txt" 2>&1' \
      alone "$bin/$file" NAME "$number" <<<"$again"
  done <"$bin/carried.tsv"
  cat "$work"/pinned-*.err >&2
  cat "$work"/pinned-*.txt | grep '^test result'
  grep -qs '^test .* ok$' "$work"/pinned-*.txt "$work"/alone-*.txt || { echo "no test ran" >&2 && return 1; }
  ! grep -qs '^test .* FAILED' "$work"/alone-*.txt
}

# PyTorch compiles while the pinned cases run; the benchmark then uses its compilation cache.
warm() {
  local work_and_format side=224 batch=128
  [[ $small == no ]] || side=32 batch=6
  for work_and_format in train/bf16 train/tf32 train/f32 embed/bf16; do
    [[ $device == cuda || $work_and_format == train/f32 ]] &&
      printf '{"work": "%s", "format": "%s", "how": "compile", "steps": 1}\n' "${work_and_format%/*}" "${work_and_format#*/}"
  done | "$DICHROIC_PYTHON" "$DICHROIC_PEER" "$device" $side $batch
}

# PyTorch's variants for `train` or `embed`: always eager, and compiled if that finished in time.
ways() {
  local format ways=
  for format in ${formats//,/ }; do
    ways+=,$format/eager
    grep -qE "\"work\": \"$1\", \"format\": \"$format\".*images_per_s" "$work/warm.jsonl" 2>/dev/null && ways+=,$format/compile
  done
  echo "${ways#,}"
}
export -f ways

# shellcheck disable=SC2086 # words are words
bench() { "$(files bench)" --device "$device" $size_words --seconds $((limit * 9 / 10)) "$@"; }
export -f bench
train() { bench --work train --formats "$formats" --peers "$(ways train)"; }
embed() { bench --work embed --formats "$formats" --peers "$(ways embed)"; }
profile() { bench --work train --profile --formats "$formats" --peers "${formats%%,*}/eager"; }

# experiment NAME WORDS…: computes it in a separate store, and queries that.
experiment() {
  local name=$1 store=$work/runs/$1.db program
  shift
  program=$(files program)
  cd "$work" || exit
  "$program" exp hypernet_tps --device "$device" --store "$store" "$@" || return
  local ask=("$program" sql --store "$store" --format json)
  "${ask[@]}" "SELECT kind, value FROM v_curve WHERE metric = 'images_per_s'" >"$work/$name.pace.json"
  "${ask[@]}" "SELECT kind, count(*) AS works, round(sum(secs), 1) AS secs, max(numerics) AS numerics
    FROM v_works GROUP BY kind ORDER BY min(id)" >"$work/$name.works.json"
  "${ask[@]}" "SELECT task, metric, value FROM v_results WHERE metric = 'f1_macro' AND class = ''" >"$work/$name.scores.json"
}
export -f experiment
scratch='--set train.epochs=1 --set train.schedule.warmup=0 --set model.weights={"kind":"scratch"}'
brief_words='' && [[ $small == no ]] || brief_words="$scratch --set train.subset=90"
low=bf16 && [[ $device == cuda ]] || low=f32
export scratch brief_words low
# shellcheck disable=SC2086
experiment_bf16() { experiment experiment_bf16 --precision $low $brief_words; }
# At full size: ConvNeXt-Tiny on whole images; an epoch is enough to measure the pace.
# shellcheck disable=SC2086
experiment_full() {
  if [[ $small == yes ]]; then
    experiment experiment_full --precision $low $brief_words --seed 2
  else
    experiment experiment_full --precision $low $scratch --scale paper
  fi
}
# shellcheck disable=SC2086
experiment_f32() { experiment experiment_f32 --precision f32 $brief_words; }

part machine 5
if [[ $device == cuda ]]; then
  start_in_background clocks.csv "$budget" nvidia-smi -l 1 --format=csv,noheader,nounits \
    --query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu,memory.used,utilization.gpu
fi
if [[ -n ${DICHROIC_PYTHON:-} && (-z $wanted || ,$wanted, == *,train,* || ,$wanted, == *,embed,*) ]]; then
  export -f warm
  start_in_background warm.jsonl $((budget * 30 / 100)) bash -uo pipefail -c warm
  warming=${background[-1]}
fi
export DICHROIC_TEST_ON=$(if [[ $device == cuda ]]; then echo gpu; else echo all; fi)
part pinned 25
# Nothing is timed while the CPU compiles.
if [[ -n ${warming:-} ]]; then
  wait "$warming"
  note 'compilations by PyTorch' "$(grep -c images_per_s "$work/warm.jsonl") done before training was measured, $(grep -c error "$work/warm.jsonl") failed"
fi
part train 58
part profile 66
part experiment_bf16 77
part experiment_full 86
part embed 93
part experiment_f32 99
echo "$out/gpu.md, after $SECONDS s"
sed -n '1,/^## /p' "$out/gpu.md" | grep -v '^## '
