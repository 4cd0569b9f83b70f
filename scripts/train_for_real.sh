#!/usr/bin/env bash
# Train from random weights on real weights of a backbone and photographs; fail unless the objective falls and the result paints.
# Then train by the defaults, and fail unless the shared start is far ahead of random weights.
#   scripts/train_for_real.sh FOLDER     where FOLDER holds weights/, data/ and their pictures
set -euo pipefail
data=${1:?usage: $0 FOLDER}
if [ ! -d "$data" ]; then
    echo "no $data: the real training is left out"
    exit 0
fi
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT

timeout --signal INT --preserve-status 600 uv run fastnst train \
    --style "$data/data/styles/starry_night.jpg" --photos "$data/data/photos_train.parquet" \
    --data.val "$data/data/photos_val.parquet" --data.val_count 8 --data.size 128 \
    --model.loss.backbone vgg19 --model.loss.weights "$data/weights/vgg19_conv1_to_conv3_4.safetensors" \
    --model.loss.style '{relu1_1: 1, relu2_1: 1, relu3_1: 1}' \
    --trainer.val_check_interval 50 --steps 300 --init random --out "$run"
uv run fastnst stylize --model "$run/style.safetensors" "$data/data/content/tubingen.jpg" --out "$run/painted.png"
uv run fastnst compare --model "$run/style.safetensors" --photos "$data/data/photos_val.parquet" --count 2 \
    --weights "$data/weights/vgg19_conv1_to_conv3_4.safetensors" --sizes 128 --steps 20 --out "$run/report"
for start in shared random; do
    uv run fastnst train --style "$data/data/styles/starry_night.jpg" --photos "$data/data/photos_train.parquet" \
        --data.val "$data/data/photos_val.parquet" --data.val_count 8 --data.size 128 --steps 40 --init "$start" \
        --trainer.val_check_interval 40 --out "$run/$start"
done
uv run python - "$run" <<'PY'
import json
import sys
from pathlib import Path

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator



def judged(run: str) -> list[float]:
    events = EventAccumulator(run)
    events.Reload()
    return [event.value for event in events.Scalars("val/loss")]


first, *_, last = judged(sys.argv[1])
print(f"objective on held-out photographs: {first:.3f} at step 50, {last:.3f} at the end")
assert last < 0.8 * first, "the objective did not fall"
shared, random = (judged(f"{sys.argv[1]}/{start}")[-1] for start in ("shared", "random"))
print(f"after 40 steps: {shared:.3f} from the shared start, {random:.3f} from random weights")
assert shared < 0.7 * random, "the shared start is no start"
report = json.loads(Path(sys.argv[1], "report", "report.json").read_text())
assert report["equivalent_lbfgs_iterations"]["median"] >= 1, "the network is worth no iteration of L-BFGS"
assert Image.open(f"{sys.argv[1]}/painted.png").size == Image.open(f"{sys.argv[1]}/painted.png").convert("RGB").size
PY
