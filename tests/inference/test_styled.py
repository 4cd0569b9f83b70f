"""Several styles in one network: names, pictures, mixes, strengths."""

import re

import pytest
import torch
import torch.nn.functional as F

import fastnst
from fastnst.backbones import STATISTICS_LAYERS, build_backbone, picture_statistics, statistics
from fastnst.checkpoint import load_checkpoint
from fastnst.errors import ConfigError
from fastnst.images import ImageError, fit, open_image, to_tensor
from fastnst.inference.choice import find_model, name_result

IMAGE = F.interpolate(torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0)), (48, 56), mode="bilinear")
CLOSE = {"atol": 1e-4, "rtol": 0}  # a fortieth of an 8-bit level


def painted(file, code) -> torch.Tensor:
    """Return what a network paints with a code, which is not folded into it."""
    network, layout = load_checkpoint(file)[0].to(memory_format=torch.channels_last), torch.channels_last
    with torch.no_grad():
        return network(IMAGE.contiguous(memory_format=layout), code(network.styles) if callable(code) else code).clamp(
            0, 1
        )


def load(*what, **options) -> fastnst.Stylizer:
    return fastnst.load(*what, device="cpu", precision="float32", **options)


@pytest.fixture
def everything(tmp_path, make_gallery, small_style_pictures):
    return make_gallery(tmp_path / "all.safetensors", "wave starry", True)


def test_a_stylizer_of_one_style_paints_what_the_code_paints(gallery):
    stylizer = load(gallery, style="starry")
    torch.testing.assert_close(stylizer(IMAGE), painted(gallery, lambda table: table.codes[1]), **CLOSE)
    assert stylizer.network.styles is None
    assert stylizer.styles == [style["name"] for style in stylizer.metadata.styles] == ["starry"]


def test_a_mix_is_the_sum_of_codes(gallery):
    mixed = load(gallery, style={"wave": 3, "udnie": 1})(IMAGE)
    expected = painted(gallery, lambda table: 0.75 * table.codes[0] + 0.25 * table.codes[2])
    torch.testing.assert_close(mixed, expected, **CLOSE)
    assert not torch.allclose(mixed, load(gallery, style="wave")(IMAGE), atol=1e-3)


def test_strength_goes_from_the_photograph_to_the_style(gallery):
    several = load(gallery)
    for strength in (0.0, 0.3, 1.0):
        expected = painted(gallery, lambda table, s=strength: table.photograph.lerp(table.codes[0], s))
        torch.testing.assert_close(several.styled("wave", strength)(IMAGE), expected, **CLOSE)


def test_choosing_a_style_changes_neither_the_stylizer_nor_the_file(gallery):
    before = gallery.read_bytes()
    several = load(gallery)
    weights = {key: value.clone() for key, value in several.network.state_dict().items()}
    first = several.styled("wave")
    one = first(IMAGE)
    several.styled("starry", 0.5)(IMAGE)
    assert torch.equal(first(IMAGE), one)
    assert several.styles == ["wave", "starry", "udnie"]
    assert all(torch.equal(value, weights[key]) for key, value in several.network.state_dict().items())
    assert gallery.read_bytes() == before


def test_several_styles_want_one_chosen(gallery):
    for ask in (lambda: load(gallery)(IMAGE), lambda: load(gallery, strength=0.5)):
        with pytest.raises(ConfigError, match="3 styles; choose one by --style NAME: wave, starry, udnie"):
            ask()


def test_a_table_of_one_needs_no_choice(tmp_path, make_gallery):
    file = make_gallery(tmp_path / "one.safetensors", "wave", False)
    expected = painted(file, lambda table: table.codes[0])
    torch.testing.assert_close(load(file)(IMAGE), expected, **CLOSE)
    weak = painted(file, lambda table: table.photograph.lerp(table.codes[0], 0.25))
    torch.testing.assert_close(load(file, strength=0.25)(IMAGE), weak, **CLOSE)
    assert load(file, strength=0.25).styles == ["wave"]


def test_a_code_may_be_given(gallery, model_file):
    code = load_checkpoint(gallery)[0].styles.codes[1].detach()
    torch.testing.assert_close(load(gallery, style=code)(IMAGE), load(gallery, style="starry")(IMAGE))
    plain, _ = load_checkpoint(model_file)
    own = plain.style_code().detach()
    torch.testing.assert_close(
        load(model_file, style=0.5 * own)(IMAGE), painted(model_file, 0.5 * own), atol=1e-5, rtol=0
    )
    with pytest.raises(ValueError, match=rf"\(3,\), but \({len(own)},\) is wanted"):
        load(model_file, style=torch.rand(3))


def test_any_picture_is_a_style_of_the_shared_network(shared_network, style_picture, make_picture):
    by_path = load(style=style_picture)
    assert by_path.network.styles is None
    any_style = load("shared")
    by_picture = any_style.styled(open_image(style_picture))
    assert torch.equal(by_path(IMAGE), by_picture(IMAGE))
    other = any_style.styled(make_picture(seed=3))
    assert not torch.allclose(other(IMAGE), by_path(IMAGE), atol=1e-3)
    with pytest.raises(ConfigError, match="style of any picture; give one by --style PICTURE"):
        any_style(IMAGE)


def test_pictures_and_names_mix(everything, style_picture):
    several = load(everything)
    of_picture = several._codes(style_picture)
    mixed = several._codes({str(style_picture): 1, "wave": 1})
    torch.testing.assert_close(mixed, (of_picture + several._codes("wave")) / 2)


def test_the_middle_of_a_long_strip_is_looked_at():
    strip = torch.rand(1, 3, 100, 5)
    assert torch.equal(statistics._middle(strip), strip[:, :, 40:60])
    assert torch.equal(statistics._middle(strip.mT), strip.mT[..., 40:60])
    assert statistics._middle(strip[:, :, :20]).shape == (1, 3, 20, 5)


def test_the_code_of_a_picture_is_predicted_from_its_statistics(tmp_path, make_gallery, make_picture):
    file, picture = make_gallery(tmp_path / "all.safetensors", "wave starry", True), make_picture(60, 48)
    pixels = fit(to_tensor(picture), shorter=384)
    statistics = picture_statistics(build_backbone("compact", STATISTICS_LAYERS), pixels)
    torch.testing.assert_close(
        load(file)._codes(picture), load_checkpoint(file)[0].styles.predictor(statistics)[0].detach()
    )


@pytest.mark.parametrize(
    ("style", "strength", "words"),
    [
        ("wav", 1, "unknown style 'wav'; did you mean 'wave'? Known: wave, starry, udnie"),
        ({"wave": 1, "stary": 1}, 1, "unknown style 'stary'; did you mean 'starry'?"),
        ({"wave": -1, "starry": 2}, 1, "a mix needs weights"),
        ({"wave": 0}, 1, "a mix needs weights"),
        ("wave", 1.5, "strength must be between 0 and 1, got 1.5"),
        ("wave", float("nan"), "strength must be between 0 and 1"),
        ("a.jpg", 1, "no predictor.*leave --model out.*or choose one of its styles: wave, starry, udnie"),
    ],
)
def test_what_a_model_lacks_is_named(gallery, style, strength, words):
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        load(gallery, style=style, strength=strength)


def test_a_plain_model_has_its_own_style_and_no_other(trained, bundled_styles):
    assert torch.equal(load(trained, style="waves")(IMAGE), load(trained)(IMAGE))
    with pytest.raises(ConfigError, match="one style at one strength"):
        load(trained, strength=0.5)
    with pytest.raises(ConfigError, match="no predictor"):
        load(trained, style="a.jpg")
    assert torch.equal(load(style="waves")(IMAGE), load("waves")(IMAGE))


def test_a_style_picture_that_cannot_be_read_is_named(everything, tmp_path):
    with pytest.raises(ImageError, match=re.escape("gone.jpg: no such file")):
        load(everything, style="gone.jpg")
    (tmp_path / "text").write_text("no picture")
    with pytest.raises(ImageError, match="not a picture"):
        load(everything, style=tmp_path / "text")


def test_without_a_model_the_style_tells_it(bundled_styles, shared_network, style_picture):
    assert find_model(None, str(style_picture)) == (shared_network, str(style_picture))
    assert find_model(None, {"a.jpg": 1.0}) == (shared_network, {"a.jpg": 1.0})
    assert find_model(None, "waves") == (bundled_styles / "waves.safetensors", None)
    with pytest.raises(ConfigError, match="'wavs'; did you mean 'waves'.*any picture is a style as well"):
        find_model(None, "wavs")
    with pytest.raises(ConfigError, match="'waves' is not a picture; mix pictures, or give the --model"):
        find_model(None, {"a.jpg": 1.0, "waves": 1.0})
    with pytest.raises(ConfigError, match="give --model, --style or --mix"):
        find_model(None, None)
    shared_network.unlink()
    with pytest.raises(ConfigError, match="no shared lite"):
        find_model(None, str(style_picture))


@pytest.mark.parametrize(
    ("style", "strength", "name"),
    [
        (None, 1, "gallery"),
        ("wave", 1, "wave"),
        ("in/a b.jpg", 0.5, "a_b_strength50"),
        ({"wave": 0.3, "starry": 0.7}, 1, "wave30_starry70"),
        ({"wave": 2, "x/b.c.png": 2}, 0.25, "wave50_b_c50_strength25"),
        ("../../x", 1, "x"),
    ],
)
def test_files_are_named_after_style_mix_and_strength(gallery, style, strength, name):
    assert name_result(gallery, style, strength) == name
