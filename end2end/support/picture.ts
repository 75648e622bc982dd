// Pictures that the browser took, as numbers.

import { inflateSync } from 'node:zlib';

export type Colour = [number, number, number];

/** A part of a picture, px from its left top. */
export interface Part { x: number; y: number; width: number; height: number }

/** A PNG of 8 bits per channel without interlacing, as Chromium writes them. */
export class Picture {
  private constructor(readonly width: number, readonly height: number, private readonly channels: number, private readonly bytes: Buffer) {}

  /** Reads a PNG (W3C Portable Network Graphics, sections 7 to 9). */
  static read(png: Buffer): Picture {
    const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
    const [depth, kind, interlaced] = [png[24], png[25], png[28]];
    const channels = kind === 6 ? 4 : 3;
    if (depth !== 8 || interlaced !== 0 || ![2, 6].includes(kind)) throw new Error(`a PNG of another kind: ${depth} ${kind} ${interlaced}`);
    const parts: Buffer[] = [];
    for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
      if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
    }
    const filtered = inflateSync(Buffer.concat(parts));
    const row = width * channels;
    const bytes = Buffer.alloc(row * height);
    for (let y = 0; y < height; y++) {
      const filter = filtered[y * (row + 1)];
      for (let i = 0; i < row; i++) {
        const left = i < channels ? 0 : bytes[y * row + i - channels];
        const up = y === 0 ? 0 : bytes[(y - 1) * row + i];
        const corner = y === 0 || i < channels ? 0 : bytes[(y - 1) * row + i - channels];
        const nearest = (): number => {
          const [toLeft, toUp, toCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
          if (toLeft <= toUp && toLeft <= toCorner) return left;
          return toUp <= toCorner ? up : corner;
        };
        const expected = filter === 0 ? 0 : filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : nearest();
        bytes[y * row + i] = filtered[y * (row + 1) + 1 + i] + expected;
      }
    }
    return new Picture(width, height, channels, bytes);
  }

  at(x: number, y: number): Colour {
    const first = (Math.floor(y) * this.width + Math.floor(x)) * this.channels;
    return [this.bytes[first], this.bytes[first + 1], this.bytes[first + 2]];
  }

  /** Every colour of a part, row by row. */
  colours(part: Part = { x: 0, y: 0, width: this.width, height: this.height }): Colour[] {
    const colours: Colour[] = [];
    for (let y = part.y; y < part.y + part.height; y++) {
      for (let x = part.x; x < part.x + part.width; x++) colours.push(this.at(x, y));
    }
    return colours;
  }

  /** Mean and standard deviation of the grey level. */
  grey(part?: Part): { mean: number; spread: number } {
    const levels = this.colours(part).map(([red, green, blue]) => (red + green + blue) / 3);
    const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
    return { mean, spread: Math.sqrt(levels.reduce((sum, level) => sum + (level - mean) ** 2, 0) / levels.length) };
  }

  /** The largest difference from another picture, in levels; 255 from one of another size. */
  difference(other: Picture, part?: Part): number {
    if (this.width !== other.width || this.height !== other.height || this.channels !== other.channels) return 255;
    if (this.bytes.equals(other.bytes)) return 0;
    const theirs = other.colours(part);
    return this.colours(part).reduce((most, colour, i) => Math.max(most, ...colour.map((level, channel) => Math.abs(level - theirs[i][channel]))), 0);
  }
}
