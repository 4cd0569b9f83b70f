#!/usr/bin/env bash
# Everything there is to measure on a GPU, in one command and about ten minutes; writes runs/gpu/report.md.
#
#   bash scripts/gpu_report.sh --style starry_night.jpg --photos photos.parquet [--weights vgg19.safetensors]
#                              [--content photo.jpg]
#
# Training and stylizing against the plain baseline and the card's own limit, memory, and a style trained by the preset
# quality on the clock, compared with the optimizers. Without --weights torchvision's VGG-19 is downloaded for that. With
# --weights and --content, how soon the optimizer is where plain L-BFGS is after 200 evaluations.
set -euo pipefail
style= photos= weights= content=
while [ $# -gt 0 ]; do
  case "$1" in
    --style) style=$2 ;;
    --photos) photos=$2 ;;
    --weights) weights=$2 ;;
    --content) content=$2 ;;
    *) echo "gpu_report.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$style" ] && [ -n "$photos" ] || { echo "gpu_report.sh: --style and --photos are needed" >&2; exit 2; }
cd "$(dirname "$0")/.."
out=runs/gpu
mkdir -p "$out"
report=$out/report.md
python -c 'import torch; print("#", torch.cuda.get_device_name(), "torch", torch.__version__)' > "$report"
measure() {
  { echo; echo "## $1"; echo '```'; python scripts/bench.py "$@" --device cuda --turns 15 --json "$out/$1.json"
    echo '```'; } | tee -a "$report"
}
for what in train stylize memory; do measure "$what"; done
layers=(); [ -z "$weights" ] || layers=(--model.loss.weights "$weights" --model.loss.style '{relu1_1: 1, relu2_1: 1, relu3_1: 1}')
for config in fast quality; do
  rm -rf "$out/$config"
  start=$(date +%s.%N)
  extra=(); [ "$config" = fast ] || extra=("${layers[@]}")
  python -m fastnst train --config "$config" --style "$style" --photos "$photos" --out "$out/$config" "${extra[@]}"
  seconds=$(python -c "import time; print(f'{time.time() - $start:.0f}')")
  echo "$config: a whole run, program start included, took $seconds s" | tee -a "$report"
done
target=()
[ -z "$weights" ] || [ -z "$content" ] ||
  target=(--content "$content" --style "$style" --weights "$weights" --model "$out/quality/style.safetensors")
measure optimize "${target[@]}"
compared=(); [ -z "$weights" ] || compared=(--weights "$weights")
python -m fastnst compare --model "$out/quality/style.safetensors" --photos "$photos" --count 4 --sizes 256 512 1024 \
  --steps 200 "${compared[@]}" --out "$out/compare" --overwrite | tee -a "$report"
echo "written: $report"
