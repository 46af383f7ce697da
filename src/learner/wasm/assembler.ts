// A tiny assembler for WebAssembly (WebAssembly Core Specification 2.0, ch. 5: binary format). Values are built as
// expressions and emitted where they are used; `keep` puts one into a local. Types are checked when the module is compiled.

import { ByteSink } from "./byte-sink.ts";
import { BLOCK, EMPTY_BLOCK, OPCODES, type Opcode, SIMD_PREFIX, TYPES, type ValueType } from "./opcodes.ts";

/** Emits the instructions that leave one value on the stack. */
export type Value = (code: Code) => void;

/** A local that may be assigned. */
export interface Variable {
  readonly index: number;
  readonly value: Value;
}

/** Makes an instruction of up to three values. They are not a list: it is called thousands of times by a process just begun. */
export function op(name: Opcode, first?: Value, second?: Value, third?: Value): Value {
  return (code) => {
    first?.(code);
    second?.(code);
    third?.(code);
    code.instruction(name);
  };
}

/** Makes an i32. */
export function i32(n: number): Value {
  return (code) => {
    code.instruction("i32.const");
    code.signed(n);
  };
}

/** Makes an f64. */
export function f64(x: number): Value {
  return (code) => {
    code.instruction("f64.const");
    code.bytes.append(new Uint8Array(new Float64Array([x]).buffer));
  };
}

const ZERO = new Uint8Array(16);

/** Makes a vector of zeros. */
export const zero: Value = (code) => {
  code.instruction("v128.const");
  code.bytes.append(ZERO);
};

/** Reads a local; the parameters are the first. */
export function local(index: number): Value {
  return (code) => {
    code.instruction("local.get");
    code.unsigned(index);
  };
}

/** Reads memory at `address + offset`. */
export function load(name: Opcode, address: Value, offset: number): Value {
  return (code) => {
    address(code);
    code.instruction(name);
    code.memoryArgument(offset);
  };
}

/** Takes a lane out of a vector. */
export function lane(name: "f64x2.extract_lane" | "f32x4.extract_lane", vector: Value, index: number): Value {
  return (code) => {
    vector(code);
    code.instruction(name);
    code.bytes.push(index);
  };
}

/** Takes 16 bytes out of the 32 of two vectors. */
export function shuffle(a: Value, b: Value, bytes: readonly number[]): Value {
  return (code) => {
    a(code);
    b(code);
    code.instruction("i8x16.shuffle");
    code.bytes.append(bytes);
  };
}

/** Collects one function, of so many i32 and no result: its locals and its instructions. */
export class Code {
  readonly bytes = new ByteSink();
  readonly parameterCount: number;
  readonly #locals: ValueType[] = [];

  constructor(parameterCount = 0) {
    this.parameterCount = parameterCount;
  }

  instruction(name: Opcode): void {
    const opcode = OPCODES[name];
    if (opcode < SIMD_PREFIX << 8) this.bytes.push(opcode);
    else {
      this.bytes.push(SIMD_PREFIX);
      this.unsigned(opcode & 0xff);
    }
  }

  unsigned(n: number): void {
    this.bytes.unsigned(n);
  }

  signed(n: number): void {
    this.bytes.signed(n);
  }

  /** Addresses are promised no alignment. */
  memoryArgument(offset: number): void {
    this.bytes.push(0);
    this.unsigned(offset);
  }

  variable(type: ValueType, initial: Value): Variable {
    const index = this.parameterCount + this.#locals.length;
    this.#locals.push(type);
    const variable = { index, value: local(index) };
    this.assign(variable, initial);
    return variable;
  }

  /** Computes a value once, for several uses. */
  keep(type: ValueType, value: Value): Value {
    return this.variable(type, value).value;
  }

  assign(variable: Variable, value: Value): void {
    value(this);
    this.instruction("local.set");
    this.unsigned(variable.index);
  }

  store(name: Opcode, address: Value, offset: number, value: Value): void {
    address(this);
    value(this);
    this.instruction(name);
    this.memoryArgument(offset);
  }

  storeLane(
    name: "v128.store32_lane" | "v128.store64_lane",
    address: Value,
    offset: number,
    vector: Value,
    index: number,
  ): void {
    this.store(name, address, offset, vector);
    this.bytes.push(index);
  }

  /** Calls a function of the module by its place among them. */
  call(index: number, ...operands: readonly Value[]): void {
    for (const operand of operands) operand(this);
    this.instruction("call");
    this.unsigned(index);
  }

  /** Emits `if (condition) then() else otherwise()`. */
  when(condition: Value, then: () => void, otherwise?: () => void): void {
    condition(this);
    this.instruction("if");
    this.bytes.push(EMPTY_BLOCK);
    then();
    if (otherwise !== undefined) {
      this.instruction("else");
      otherwise();
    }
    this.instruction("end");
  }

  /** Emits `do body() while (condition)`. */
  repeat(body: () => void, condition: Value): void {
    this.instruction("loop");
    this.bytes.push(EMPTY_BLOCK);
    body();
    condition(this);
    this.instruction("br_if");
    this.unsigned(0);
    this.instruction("end");
  }

  /** Emits `for (index = from; index < below; index += step) body(index)`, unsigned. */
  loop(from: Value, below: Value, step: number, body: (index: Value) => void): void {
    const index = this.variable("i32", from);
    const goesOn = op("i32.lt_u", index.value, below);
    this.when(goesOn, () => {
      this.repeat(() => {
        body(index.value);
        this.assign(index, op("i32.add", index.value, i32(step)));
      }, goesOn);
    });
  }

  /** Writes the body as the code section has it. */
  writeBody(to: ByteSink): void {
    const locals = new ByteSink();
    locals.unsigned(this.#locals.length);
    for (const type of this.#locals) locals.append([1, TYPES[type]]);
    to.unsigned(locals.length + this.bytes.length + 1);
    to.append(locals.view());
    to.append(this.bytes.view());
    to.push(OPCODES.end);
  }
}

/**
 * Puts functions together into a module that exports them by name, works on the memory "rivulet" "memory" (shared) and finds
 * its own part of it by the i32 "rivulet" "base", global 0.
 */
export function assemble(functions: ReadonlyMap<string, Code>, memoryPagesMax: number): Uint8Array<ArrayBuffer> {
  const bytes = new ByteSink();
  bytes.append([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  /** Writes a section of so many parts. */
  const section = (id: number, count: number, write: (to: ByteSink) => void) => {
    const content = new ByteSink();
    content.unsigned(count);
    write(content);
    bytes.push(id);
    bytes.unsigned(content.length);
    bytes.append(content.view());
  };
  const imported = (to: ByteSink, name: string) => {
    to.name("rivulet");
    to.name(name);
  };
  const codes = [...functions.values()];
  const parametersMax = Math.max(...codes.map((code) => code.parameterCount));
  // A type for each number of parameters, up to the most that there are.
  section(BLOCK.typeSection, parametersMax + 1, (to) => {
    for (let count = 0; count <= parametersMax; count++) {
      to.append([BLOCK.functionType, count, ...new Array<number>(count).fill(TYPES.i32), 0]);
    }
  });
  section(BLOCK.importSection, 2, (to) => {
    imported(to, "memory");
    to.append([BLOCK.memory, BLOCK.sharedLimits, 1]);
    to.unsigned(memoryPagesMax);
    imported(to, "base");
    to.append([BLOCK.global, TYPES.i32, 0]);
  });
  section(BLOCK.functionSection, codes.length, (to) => to.append(codes.map((code) => code.parameterCount)));
  section(BLOCK.exportSection, functions.size, (to) => {
    for (const [f, name] of [...functions.keys()].entries()) {
      to.name(name);
      to.append([BLOCK.function, f]);
    }
  });
  section(BLOCK.codeSection, codes.length, (to) => {
    for (const code of codes) code.writeBody(to);
  });
  return bytes.view();
}
