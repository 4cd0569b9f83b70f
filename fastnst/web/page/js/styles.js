// Which style, in which mix and how strong.

import { find, make } from "./dom.js";

const gallery = find("gallery");
const strength = find("strength");

/** Offer the styles of all models; `onChange(look)` is called with `{model, style, mix, strength}`. */
export class Styles {
  #onChange;
  #model;
  #mix = [];

  constructor(models, onChange) {
    this.#onChange = onChange;
    this.offer(models);
    strength.addEventListener("input", () => this.#showStrength());
    strength.addEventListener("change", () => this.#changed());
  }

  /** Show these models, and choose the one of this name, or the first. */
  offer(models, chosen) {
    const cards = models.flatMap((model) =>
      model.styles.length ? model.styles.map((style, row) => this.#card(model, style, row)) : [this.#card(model, model, 0)],
    );
    gallery.replaceChildren(...cards);
    const first = models.find(({ name }) => name === chosen) ?? models[0];
    if (first) this.#choose(first, 0);
  }

  /** What to paint in. */
  get look() {
    const model = this.#model;
    const weighted = this.#mix.flatMap((weight, row) => (weight > 0 ? [row] : []));
    const style = weighted.length === 1 ? model.styles[weighted[0]]?.name : undefined;
    return { model, style, mix: this.#mix, strength: model.strength ? strength.value / 100 : 1 };
  }

  /** The name of what is chosen, for files. */
  get name() {
    const { model, style, strength: share } = this.look;
    const name = style ?? model.name;
    return share === 1 ? name : `${name}_strength${Math.round(100 * share)}`;
  }

  #card(model, { title, artist, thumbnail }, row) {
    const input = make("input", { type: "radio", name: "style", className: "hidden" });
    input.dataset.style = `${model.name}/${row}`;
    input.addEventListener("change", () => {
      this.#choose(model, row);
      this.#changed();
    });
    const name = make("span", { className: "title", textContent: title });
    const by = make("span", { className: "hidden", textContent: artist ? `, ${artist}` : "" });
    const picture = make("img", { src: thumbnail, alt: "", width: 160, height: 160, loading: "lazy", decoding: "async" });
    return make("label", { className: "card" }, input, picture, name, by);
  }

  #choose(model, row) {
    this.#model = model;
    this.#mix = (model.styles.length ? model.styles : [model]).map((_, other) => (other === row ? 1 : 0));
    gallery.querySelector(`[data-style="${model.name}/${row}"]`).checked = true;
    const { title, artist } = model.styles[row] ?? model;
    find("caption").textContent = artist ? `${title}, ${artist}` : title;
    find("weaken").hidden = !model.strength;
    this.#offerMix(model);
    this.#showStrength();
  }

  #offerMix({ styles }) {
    find("mix").hidden = styles.length < 2;
    find("shares").replaceChildren(...(styles.length < 2 ? [] : styles.map((style, row) => this.#share(style, row))));
  }

  #share({ title }, row) {
    const input = make("input", { type: "range", min: 0, max: 100, value: 100 * this.#mix[row], ariaLabel: title });
    const value = make("output", { textContent: input.value });
    input.addEventListener("input", () => {
      value.textContent = input.value;
    });
    input.addEventListener("change", () => {
      this.#mix[row] = input.value / 100;
      this.#changed();
    });
    return make("label", { className: "slider" }, make("span", { textContent: title }), value, input);
  }

  #showStrength() {
    find("strength_value").textContent = `${strength.value} %`;
  }

  #changed() {
    if (this.#mix.some((weight) => weight > 0)) this.#onChange(this.look);
  }
}
