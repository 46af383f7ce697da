// Takes out of a 64-bit ELF program what the kernel and the dynamic linker never read: section headers, symbols and
// debugging sections, which compilers put behind the last byte that is loaded. A linker of the right architecture is not needed.

const MAGIC = 0x7f454c46;
const CLASS_64_LITTLE = 0x0201;
const SECTION_HEADERS_OFFSET = 0x28;
const SECTION_HEADERS_COUNT = 0x3c;
const SECTION_NAMES_INDEX = 0x3e;
const MACHINES = { x64: 0x3e, arm64: 0xb7 } as const;

/** Names an architecture as Node does. */
export type Arch = keyof typeof MACHINES;

/** Returns the part of a program that is loaded. Throws where it is no little-endian 64-bit program for `arch`. */
export function stripped(program: Buffer, arch: Arch): Buffer {
  if (program.readUInt32BE(0) !== MAGIC || program.readUInt16BE(4) !== CLASS_64_LITTLE)
    throw new Error("this is no 64-bit ELF program");
  const machine = program.readUInt16LE(0x12);
  if (machine !== MACHINES[arch]) throw new Error(`this program is for machine ${machine}, not for ${arch}`);
  const [offset, size, count] = [
    Number(program.readBigUInt64LE(0x20)),
    program.readUInt16LE(0x36),
    program.readUInt16LE(0x38),
  ];
  let end = offset + size * count;
  for (let i = 0; i < count; i++) {
    const at = offset + size * i;
    end = Math.max(end, Number(program.readBigUInt64LE(at + 0x08) + program.readBigUInt64LE(at + 0x20)));
  }
  const loaded = Buffer.from(program.subarray(0, end));
  loaded.writeBigUInt64LE(0n, SECTION_HEADERS_OFFSET);
  loaded.writeUInt16LE(0, SECTION_HEADERS_COUNT);
  loaded.writeUInt16LE(0, SECTION_NAMES_INDEX);
  return loaded;
}
