#!/usr/bin/env bash
# Build wheel and sdist, check them, install the wheel alone into a bare environment, and do the main job there, offline,
# from an empty folder: train a style, paint with it and with a bundled one, optimize, go from Python.
# scripts/check_wheel.sh [FOLDER]   FOLDER keeps the wheel and the sdist
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dist=${1:-$work/dist}
most=8000000

uv build --quiet --out-dir "$dist"
wheel=$(ls -t "$dist"/fastnst-*.whl | head -1)
sdist=$(ls -t "$dist"/fastnst-*.tar.gz | head -1)
size=$(wc -c < "$wheel")
echo "$(basename "$wheel"): $size bytes; $(basename "$sdist"): $(wc -c < "$sdist") bytes"
[ "$size" -lt "$most" ] || { echo "the wheel has more than $most bytes"; exit 1; }
uv tool run --quiet twine check --strict "$wheel" "$sdist"

uv venv --quiet --python "${PYTHON:-3.11}" "$work/env"
uv pip install --quiet --python "$work/env/bin/python" -c constraints.txt "$wheel"

# Without a network, where the system lets us cut it; a proxy to nowhere and no cache of the hub's in any case.
cut=(env -i PATH="$work/env/bin:/usr/bin:/bin" HOME="$work/home" HF_HUB_OFFLINE=1 \
    http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9)
[ -z "${OMP_NUM_THREADS:-}" ] || cut+=("OMP_NUM_THREADS=$OMP_NUM_THREADS")
if unshare --net --map-root-user true 2>/dev/null; then
    cut=(unshare --net --map-root-user "${cut[@]}")
    echo "the network is cut off"
else
    echo "the network cannot be cut off here; what follows is told to stay offline"
fi
mkdir "$work/home" "$work/empty"
cd "$work/empty"

"${cut[@]}" python -c "
import fastnst, pathlib
assert pathlib.Path(fastnst.__file__).is_relative_to('$work/env'), fastnst.__file__
from fastnst.assets.samples import draw_landscape, draw_painting
draw_painting(240, 180).save('painting.png')
for number in range(6):
    pathlib.Path('photos').mkdir(exist_ok=True)
    draw_landscape(200 + number, 160).save(f'photos/{number}.png')
"
"${cut[@]}" fastnst --version
"${cut[@]}" fastnst models --json > models.json
"${cut[@]}" fastnst stylize photos/0.png --model starry_night --out starry.png
"${cut[@]}" fastnst stylize photos/0.png --style painting.png --out sketch.png
"${cut[@]}" fastnst train --style painting.png --photos photos --out run --steps 3 --size 64 --style_size 128 \
    --batch_size 1 --data.workers 0
"${cut[@]}" fastnst stylize photos/ --model run/style.safetensors --out painted
"${cut[@]}" fastnst optimize --content photos/0.png --style painting.png --size 96 --style_size 96 --steps 3 --out slow.png
"${cut[@]}" fastnst push run/style.safetensors me/mine --dry_run
"${cut[@]}" fastnst info run/style.safetensors > info.txt
"${cut[@]}" python -c "
import fastnst
from PIL import Image
assert len(fastnst.load('run/style.safetensors').network(__import__('torch').rand(1, 3, 33, 47))) == 1
assert Image.open('starry.png').size == Image.open('painted/0.png').size == (200, 160)
"
[ "$(grep -c '"name"' models.json)" -ge 7 ]
cd "$root"
echo "the wheel alone does the main job"
