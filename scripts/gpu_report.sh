#!/usr/bin/env bash
# What there is to measure on a GPU; writes $OUT/report.md, or runs/gpu/report.md.
#
#   bash scripts/gpu_report.sh --style starry_night.jpg --photos photos.parquet [--weights vgg19.safetensors]
#                              [--content photo.jpg] [--sections "train stylize memory fast quality optimize compare"]
#
# Training and stylizing against the plain baseline and the card's own limit, memory, and styles trained by the presets
# fast and quality on the clock, the latter compared with the optimizers. Without --weights torchvision's VGG-19 is
# downloaded for that. With --weights and --content, how soon the optimizer is where plain L-BFGS is after 200
# evaluations. A section that fails is said so, and the next one begins; some sections at a time fit into any limit.
set -euo pipefail
style= photos= weights= content= sections="train stylize memory fast quality optimize compare" python=${PYTHON:-python3}
while [ $# -gt 0 ]; do
  case "$1" in
    --style) style=$(realpath "$2") ;;
    --photos) photos=$(realpath "$2") ;;
    --weights) weights=$(realpath "$2") ;;
    --content) content=$(realpath "$2") ;;
    --sections) sections=$2 ;;
    *) echo "gpu_report.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$style" ] && [ -n "$photos" ] || { echo "gpu_report.sh: --style and --photos are needed" >&2; exit 2; }
for file in "$style" "$photos" ${weights:+"$weights"} ${content:+"$content"}; do
  [ -e "$file" ] || { echo "gpu_report.sh: $file: no such file" >&2; exit 2; }
done
out=$(realpath -m "${OUT:-$(dirname "$0")/../runs/gpu}")
cd "$(dirname "$0")/.."
mkdir -p "$out"
report=$out/report.md
"$python" -c 'import torch; print("#", torch.cuda.get_device_name(), "torch", torch.__version__)' | tee -a "$report"

measure() {
  echo "## $1"
  echo '```'
  "$python" scripts/bench.py "$@" --device cuda --turns 15 --json "$out/$1.json"
  echo '```'
}
train() {
  rm -rf "$out/$1"
  local start seconds
  start=$(date +%s)
  "$python" -m fastnst train --config "$1" --style "$style" --photos "$photos" --out "$out/$1" "${@:2}"
  seconds=$(($(date +%s) - start))
  echo "$1: a whole run, program start included, took $seconds s"
}
layers=(); [ -z "$weights" ] || layers=(--model.loss.weights "$weights" --model.loss.style '{relu1_1: 1, relu2_1: 1, relu3_1: 1}')
target=(); [ -z "$weights" ] || [ -z "$content" ] ||
  target=(--content "$content" --style "$style" --weights "$weights" --model "$out/quality/style.safetensors")
compared=(); [ -z "$weights" ] || compared=(--weights "$weights")
section() {
  set -e
  case "$1" in
    train | memory) measure "$1" ;;
    stylize) measure stylize --sizes 512 1080p ;;
    fast) train fast ;;
    quality) train quality --time_budget 2m "${layers[@]}" ;;
    optimize) measure optimize "${target[@]}" ;;
    compare) "$python" -m fastnst compare --model "$out/quality/style.safetensors" --photos "$photos" --count 2 \
      --sizes 256 512 --steps 100 "${compared[@]}" --out "$out/compare" --overwrite ;;
    *) echo "gpu_report.sh: no section $1" >&2; return 2 ;;
  esac
}
failed=0
for name in $sections; do
  set +e
  ( section "$name" ) 2>&1 | tee -a "$report"
  code=${PIPESTATUS[0]}
  set -e
  [ "$code" -eq 0 ] || { failed=1; echo "$name failed ($code)" | tee -a "$report"; }
done
echo "written: $report"
exit "$failed"
