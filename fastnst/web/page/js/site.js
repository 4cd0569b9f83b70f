// What is beside the page: its description, graphs, the runtime.

export async function readSite() {
  const answer = await fetch("site.json");
  if (!answer.ok) throw new Error(`site.json cannot be read (${answer.status})`);
  return answer.json();
}

/** Return the bytes of a file, unpacked if it is compressed; some hosts have unpacked it already. */
export async function fetchBytes(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} cannot be read (${answer.status})`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}
