// Elements of the page by their id, and new ones.

export const find = (id) => document.getElementById(id);

/** Make an element with properties and children; text becomes text, never markup. */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}
