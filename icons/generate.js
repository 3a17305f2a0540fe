// Draws every raster icon from the SVG sources beside this file (`npm run icons`). The results are committed,
// because a build of the app must not need Node.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname;
const work = mkdtempSync(join(tmpdir(), "slipway-icons-"));

try {
  const full = draw("icon.svg");
  copyFileSync(join(full, "icon.icns"), join(here, "icon.icns"));
  const png = draw("icon.svg", [32, 48, 64, 128, 256, 512]);
  const small = draw("icon-small.svg", [16, 24]);
  keep(png, 32, "32x32.png");
  keep(png, 128, "128x128.png");
  keep(png, 256, "128x128@2x.png");
  keep(png, 512, "icon.png");
  writeFileSync(
    join(here, "icon.ico"),
    ico([read(small, 16), read(small, 24), read(png, 32), read(png, 48), read(png, 64), read(png, 256)]),
  );
  for (const state of ["calm", "running", "failed"])
    keep(draw(`tray-${state}.svg`, [64]), 64, `tray-${state}.png`);
} finally {
  rmSync(work, { recursive: true });
}

/** Renders one source and returns the folder of the results; without sizes: everything a bundle can need. */
function draw(source, sizes = []) {
  const out = join(work, sizes.length ? `${source}-png` : source);
  const cli = join(here, "../node_modules/@tauri-apps/cli/tauri.js");
  const args = [
    cli,
    "icon",
    join(here, source),
    "--output",
    out,
    ...sizes.flatMap((s) => ["--png", String(s)]),
  ];
  execFileSync(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  return out;
}

function read(folder, size) {
  return { size, data: readFileSync(join(folder, `${size}x${size}.png`)) };
}

function keep(folder, size, name) {
  copyFileSync(join(folder, `${size}x${size}.png`), join(here, name));
}

/** An ICO file of PNG images: header, one directory entry of 16 bytes each, then the images. */
function ico(images) {
  const head = Buffer.alloc(6 + 16 * images.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(images.length, 4);
  let offset = head.length;
  images.forEach(({ size, data }, i) => {
    const at = 6 + 16 * i;
    // 256 is written as 0: the field is one byte.
    head.writeUInt8(size % 256, at);
    head.writeUInt8(size % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(data.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += data.length;
  });
  return Buffer.concat([head, ...images.map(({ data }) => data)]);
}
