"""Paint a picture of every kind of file, and one picture with masks and with its colors kept; two sheets to look at.

    python scripts/formats.py --photo photo.jpg --model starry_night --second the_scream --out formats/

Writes a file of each kind into ``files/``, has the command paint them into ``painted/``, and lays both out as they are
seen, each as it was read from its file again: ``formats.png`` and ``masks.png``. What is transparent is shown on a
checkerboard.
"""

import argparse
import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageDraw, ImageFilter

from fastnst.cli import run
from fastnst.images import Picture, encode_pictures, open_image, read_pictures
from fastnst.images.sheet import contact_sheet

P3 = {b"rXYZ": (0.51512, 0.24120, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189), b"bXYZ": (0.15710, 0.06657, 0.78407)}
"""Primaries of Display P3 under D50."""

METHODS = ("luminance", "covariance", "histogram")


def wide_gamut() -> bytes:
    """Make a profile like Display P3 of Pillow's sRGB: other primaries, the same curves."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for place in range(132, 132 + 12 * struct.unpack_from(">I", profile, 128)[0], 12):
        name, start, _ = struct.unpack_from(">4sII", profile, place)
        if name in P3:
            profile[start + 8 : start + 20] = struct.pack(">3i", *(round(65536 * x) for x in P3[name]))
    return bytes(profile)


def save(image: Image.Image, fmt: str, **options: object) -> bytes:
    """Return a file as other programs write it."""
    data = io.BytesIO()
    image.save(data, fmt, **options)
    return data.getvalue()


def cut_out(photo: Image.Image) -> Image.Image:
    """Return what is inside a soft ellipse; noise is hidden outside."""
    mask, (width, height) = Image.new("L", photo.size), photo.size
    ImageDraw.Draw(mask).ellipse([width // 8, height // 8, width * 7 // 8, height * 7 // 8], fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(3))
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
    hidden = Image.composite(photo, noise, mask.point(lambda value: 255 * (value > 0)))
    hidden.putalpha(mask)
    return hidden


def logo(size: tuple[int, int]) -> Image.Image:
    """Draw a logo of few colors on nothing, as a palette with one transparent color."""
    image = Image.new("P", size, 0)
    image.putpalette([0, 255, 0, 220, 40, 40, 30, 60, 160, 250, 200, 40])
    draw, (width, height) = ImageDraw.Draw(image), size
    draw.ellipse([width // 10, height // 10, width * 7 // 10, height * 9 // 10], fill=1)
    draw.rectangle([width * 4 // 10, height * 3 // 10, width * 9 // 10, height * 7 // 10], fill=2)
    draw.polygon(
        [(width // 2, height // 5), (width * 8 // 10, height * 8 // 10), (width // 4, height * 8 // 10)], fill=3
    )
    return image


def frames(photo: Image.Image) -> list[Image.Image]:
    """Move a disc over the photograph."""
    found = []
    for number in range(6):
        frame = photo.copy()
        left = photo.width * number // 7
        ImageDraw.Draw(frame).ellipse(
            [left, photo.height // 3, left + photo.width // 4, photo.height * 2 // 3], fill=(250, 240, 60)
        )
        found.append(frame)
    return found


def deep(photo: Image.Image, fmt: str) -> bytes:
    """Return a photograph in 16 bits, with values between those of 8 bits."""
    values = np.asarray(photo.filter(ImageFilter.GaussianBlur(1))).astype(np.uint32) * 257
    data = io.BytesIO()
    noise = np.random.default_rng(0).integers(-128, 128, values.shape)
    encode_pictures(data, [Picture((values + noise).clip(0, 65535).astype(np.uint16))], fmt)
    return data.getvalue()


def turned(photo: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return save(photo.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)


def kinds(photo: Image.Image) -> dict[str, Callable[[], bytes]]:
    """Return what makes a file of each kind, by its name."""
    sixteen_gray = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)
    moving = frames(photo)
    several = {"save_all": True, "append_images": moving[1:], "duration": 120, "loop": 0}
    return {
        "alpha.png": lambda: save(cut_out(photo), "PNG"),
        "alpha.webp": lambda: save(cut_out(photo), "WEBP", lossless=True),
        "palette.png": lambda: save(logo(photo.size), "PNG", transparency=0),
        "gray_alpha.png": lambda: save(cut_out(photo).convert("LA"), "PNG"),
        "gray.jpg": lambda: save(photo.convert("L"), "JPEG", quality=95),
        "gray_16_bit.png": lambda: save(sixteen_gray, "PNG"),
        "16_bit.png": lambda: deep(photo, "PNG"),
        "16_bit.tif": lambda: deep(photo, "TIFF"),
        "cmyk.jpg": lambda: save(photo.convert("CMYK"), "JPEG", quality=95),
        "turned_by_exif.jpg": lambda: turned(photo),
        "wide_gamut.jpg": lambda: save(photo, "JPEG", quality=95, icc_profile=wide_gamut()),
        "moving.gif": lambda: save(moving[0], "GIF", **several),
        "moving.webp": lambda: save(moving[0], "WEBP", quality=95, **several),
        "moving.png": lambda: save(moving[0], "PNG", **several),
        "cut_off.jpg": lambda: save(photo, "JPEG", quality=95)[: len(save(photo, "JPEG", quality=95)) * 7 // 10],
    }


def seen(picture: Picture) -> Image.Image:
    """Show a picture in 8 bits, what is transparent on a checkerboard."""
    values = picture.values >> 8 if picture.values.dtype == np.uint16 else picture.values
    shown = Image.fromarray(values.astype(np.uint8))
    if picture.alpha is None:
        return shown
    alpha = picture.alpha >> 8 if picture.alpha.dtype == np.uint16 else picture.alpha
    rows, columns = np.indices(alpha.shape) // 8
    board = np.where((rows + columns) % 2, 200, 255).astype(np.uint8)
    return Image.composite(shown, Image.fromarray(board).convert("RGB"), Image.fromarray(alpha.astype(np.uint8)))


def strip(path: Path) -> Image.Image:
    """Show a file: a picture, or three frames of an animation, one below the other."""
    pictures = [seen(picture) for picture in read_pictures(path, salvage=True)]
    chosen = pictures if len(pictures) == 1 else [pictures[0], pictures[len(pictures) // 2], pictures[-1]]
    sheet = Image.new("RGB", (chosen[0].width, sum(picture.height for picture in chosen)))
    for number, picture in enumerate(chosen):
        sheet.paste(picture, (0, number * picture.height))
    return sheet


def paint(source: Path, target: Path, *words: str) -> None:
    """Have the command paint a file."""
    code = run(["stylize", str(source), "--out", str(target), "--overwrite", "--quiet", *words])
    if code:
        raise SystemExit(f"{source}: exit code {code}")


def formats_sheet(photo: Image.Image, model: str, out: Path) -> None:
    """Paint a file of each kind; before and after beside each other."""
    cells = []
    for name, make in kinds(photo).items():
        source, target = out / "files" / name, out / "painted" / name
        source.write_bytes(make())
        paint(source, target, "--model", model, "--salvage")
        cells += [(name, strip(source)), (described(target), strip(target))]
    contact_sheet(cells, 6).save(out / "formats.png")


def described(path: Path) -> str:
    image = Image.open(path)
    (first, *others) = read_pictures(path)
    facts = [
        f"{8 * first.values.itemsize} bit",
        "alpha" if first.alpha is not None else "",
        "ICC" if first.profile else "",
    ]
    facts += [f"{len(others) + 1} frames" if others else ""]
    return " ".join(("->", image.format or "", *filter(None, facts)))


def masks_sheet(photo: Image.Image, models: tuple[str, str], out: Path) -> None:
    """Paint with one and with two masks, and keep the colors by each method."""
    source = out / "files" / "photo.png"
    photo.save(source)
    disc, left, right = (Image.new("L", photo.size) for _ in range(3))
    width, height = photo.size
    ImageDraw.Draw(disc).ellipse([width // 4, height // 8, width * 3 // 4, height * 7 // 8], fill=255)
    ImageDraw.Draw(left).rectangle([0, 0, width // 2, height], fill=255)
    ImageDraw.Draw(right).rectangle([width // 2, 0, width, height], fill=255)
    paths = {}
    for name, mask in (("disc", disc), ("left", left), ("right", right)):
        paths[name] = str(out / "files" / f"mask_{name}.png")
        mask.save(paths[name])
    both = ["--model", models[0], "--model", models[1], "--mask", paths["left"], paths["right"]]
    calls = {models[0]: ["--model", models[0]], models[1]: ["--model", models[1]]}
    calls |= {"--mask disc": ["--model", models[0], "--mask", paths["disc"]], "two models, two masks": both}
    calls |= {f"--color_by {how}": ["--model", models[0], "--color", "content", "--color_by", how] for how in METHODS}
    calls |= {"two, --color content": [*both, "--color", "content"]}
    cells = [("photo", photo)]
    for number, (label, words) in enumerate(calls.items()):
        target = out / "painted" / f"mask_{number}.png"
        paint(source, target, *words)
        cells.append((label, open_image(target)))
    contact_sheet(cells, 3, 360).save(out / "masks.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", required=True)
    parser.add_argument("--model", default="starry_night")
    parser.add_argument("--second", default="the_scream")
    parser.add_argument("--size", type=int, default=320, help="longer side, pixels")
    parser.add_argument("--out", type=Path, default=Path("formats"))
    options = parser.parse_args()
    for folder in ("files", "painted"):
        (options.out / folder).mkdir(parents=True, exist_ok=True)
    photo = open_image(options.photo)
    photo.thumbnail((options.size, options.size), Image.Resampling.LANCZOS)
    formats_sheet(photo, options.model, options.out)
    masks_sheet(photo, (options.model, options.second), options.out)


if __name__ == "__main__":
    main()
