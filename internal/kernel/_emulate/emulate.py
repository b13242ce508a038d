#!/usr/bin/env python3
"""Run the tests of package kernel, or of a package above it, with the tiers of AVX-512 on an emulated processor.

    python3 internal/kernel/_emulate/emulate.py [--package FOLDER] [-test.run REGEXP ...]

It needs Go, on PATH, and the Python package bochscpu-python (0.4.0), which is the processor of the Bochs emulator as a
library. Nothing is left behind.

The test program is built twice. In the first, the tiers are switched on, and their machine code is loaded into the emulated
processor. The second runs here; in it each assembly function of theirs is replaced by one that sends its arguments, and
copies of the memory that it may touch, to the emulated processor, and takes the results back. So all tests of the package run as
they are on a processor with AVX-512, on one without.

Each piece of memory lies against a page that does not exist, in turn at its end and at its beginning, so that touching one
byte too many is a fault; on the other side it has a margin whose bytes are compared afterwards. It is an error if all tests of
package kernel ran and an assembly function of a tier was never called.
"""

import argparse
import ctypes
import json
import mmap
import os
import re
import struct
import subprocess
import sys
import tempfile

import bochscpu
import bochscpu.cpu
import bochscpu.memory as memory

HERE = os.path.dirname(os.path.abspath(__file__))
KERNEL = os.path.dirname(HERE)
PAGE = 4096
STACK, SLOTS, HALT, TABLES = 0x20000000, 0x30000000, 0x22000000, 0x60000000
SLOT, SLOT_PAGES, SLOT_COUNT = 0x1000000, 1100, 7  # a slot's pages stand in the middle of its range
WRITABLE = 1
SIZES = {"float32": 4, "int32": 4, "uint32": 4, "uint16": 2, "uint8": 1}  # bytes of an element
MARGIN = bytes([0xA5]) * 64


def choose_model():
    """Make the processors of this process Bochs' model of Sapphire Rapids, which has VNNI and bfloat16; the library's choice is that of Skylake-X."""
    library = ctypes.CDLL(bochscpu._bochscpu.__file__)
    library.sim_get_param_enum.restype = ctypes.c_void_p
    library._ZN15bx_param_enum_c3setEl(ctypes.c_void_p(library.sim_get_param_enum(b"cpu.model")), ctypes.c_long(30))


class Machine:
    """An x86-64 processor in user mode with a program's segments, a stack and slots for arguments in its memory."""

    def __init__(self, program):
        self.table, self.host, self.calls = memory.PageMapLevel4Table(), {}, {}
        self.load(program)
        self.stack = self.map(STACK, 4)
        self.slots = [self.map(SLOTS + i * SLOT + SLOT // 2, SLOT_PAGES) for i in range(SLOT_COUNT)]
        ctypes.memmove(self.map(HALT, 1), b"\xf4", 1)
        self.maps = [memory.page_insert(gpa, hva) for hva, gpa in self.table.commit(TABLES)]
        self.session = bochscpu.Session()
        self.session.missing_page_handler = lambda gpa: None
        self.hook = bochscpu.Hook()
        self.hook.exception = self.on_exception
        self.turn = 0

    def map(self, address, pages):
        """Back pages with fresh memory; give its address here."""
        area = mmap.mmap(-1, pages * PAGE)
        here = ctypes.addressof(ctypes.c_char.from_buffer(area))
        self.host[address] = area
        for offset in range(0, pages * PAGE, PAGE):
            memory.page_insert(address + offset, here + offset)
            self.table.insert(address + offset, address + offset, WRITABLE)
        return here

    def load(self, program):
        data = open(program, "rb").read()
        offset, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
        for i in range(count):
            kind, _, at, address, _, size, _, _ = struct.unpack_from("<IIQQQQQQ", data, offset + 56 * i)
            if kind == 1:
                start = address & ~(PAGE - 1)
                here = self.map(start, (address + size - start + PAGE - 1) // PAGE)
                ctypes.memmove(here + address - start, data[at : at + size], size)

    def state(self):
        s = bochscpu.State()
        bochscpu.cpu.set_long_mode(s)
        cr4 = bochscpu.cpu.ControlRegister()
        cr4.PAE = cr4.OSFXSR = cr4.OSXMMEXCPT = cr4.OSXSAVE = True
        s.cr4, s.xcr0, s.cr3 = int(cr4), 0xE7, TABLES
        s.mxcsr, s.mxcsr_mask, s.rflags = 0x1F80, 0xFFFF, 2
        code, data = bochscpu.cpu.SegmentFlags(), bochscpu.cpu.SegmentFlags()
        code.A = code.R = code.E = code.S = code.P = code.L = code.G = True
        data.A = data.W = data.S = data.P = data.DB = data.G = True
        segments = []
        for selector, flags in ((0x33, code), (0x2B, data)):
            segment = bochscpu.Segment()
            segment.present, segment.selector, segment.base, segment.limit = True, selector, 0, 0xFFFFFFFF
            segment.attr = int(flags)
            segments.append(segment)
        s.cs = segments[0]
        s.ds = s.es = s.ss = s.fs = s.gs = segments[1]
        return s

    def on_exception(self, session, _, vector, code):
        self.stopped = (vector, code, session.cpu.rip)
        session.stop()

    def call(self, address, frame, regions):
        """Call a function with a frame of arguments; regions are (offset in the frame, bytes).
        Give what went wrong, the frame and the regions afterwards."""
        self.turn += 1
        places = []
        for i, (offset, content) in enumerate(regions):
            size = len(content)
            if size + len(MARGIN) > SLOT_PAGES * PAGE:
                return "a region of %d bytes" % size, frame, []
            at = SLOT_PAGES * PAGE - size if (self.turn + i) % 2 else 0
            margin = at - len(MARGIN) if at else size
            ctypes.memmove(self.slots[i] + at, content, size)
            ctypes.memmove(self.slots[i] + margin, MARGIN, len(MARGIN))
            places.append((self.slots[i], at, size, margin))
            frame[offset : offset + 8] = struct.pack("<Q", SLOTS + i * SLOT + SLOT // 2 + at)
        top = 2 * PAGE
        ctypes.memmove(self.stack + top, struct.pack("<Q", HALT) + bytes(frame), 8 + len(frame))
        s = self.state()
        s.rsp, s.rip = STACK + top, address
        self.session.cpu.state = s
        self.stopped = None
        self.session.run([self.hook])
        wrong = ""
        if not self.stopped or self.stopped[2] & ~1 != HALT:  # halting is not for user mode: the end
            wrong = "exception %s" % (self.stopped,)
        after = []
        for base, at, size, margin in places:
            after.append(ctypes.string_at(base + at, size))
            if ctypes.string_at(base + margin, len(MARGIN)) != MARGIN:
                wrong = wrong or "wrote beside its memory"
        return wrong, ctypes.string_at(self.stack + top + 8, len(frame)), after


def functions():
    """The tiers' assembly functions: name, parameters, number of results, from the generated declarations."""
    for name in sorted(os.listdir(KERNEL)):
        if re.search(r"_avx512\w*_amd64\.go$", name) and not name.startswith("set_"):
            for m in re.finditer(r"^func (\w+)\((.*?)\)(.*)$", open(os.path.join(KERNEL, name)).read(), re.M):
                results = 0 if not m[3].strip() else m[3].count(",") + 1
                yield m[1], [p.strip().split(" ", 1) for p in m[2].split(",")], results, m[2], m[3]


def extent(function, parameter):
    """The number of elements that a tile may touch behind a pointer, as a Go expression."""
    if function.startswith("turnInt8"):
        return {"dst": "panels*512", "src": "(panels-1)*stride+1024"}[parameter]
    tile = re.match(r"int8(x|direct|bytes|first)(\d*)", function)
    if tile:
        rows = int(tile[2] or 8)
        return {
            "c": "%d*ldc+32" % (rows - 1),
            "a": "%d*lda+%s" % (rows - 1, "steps" if tile[1] == "bytes" else "2*steps"),
            "b": "steps*64" if tile[1] == "x" else "steps*128",
            "begin": "32",
            "pairs": "steps*64",
            "rowScale": "%d*some(rowScale != nil)" % rows,
            "scale": "32",
            "bias": "32",
        }[parameter]
    tile = re.match(r"bf16(x|direct)(\d+)", function)
    if tile:
        rows = int(tile[2]) - 1
        return {"c": "%d*ldc+32" % rows, "a": "%d*lda+steps" % rows, "b": "steps*32" if tile[1] == "x" else "steps*64"}[parameter]
    tile = re.match(r"stream(BF16|NF4|Int4)x(\d+)", function)
    if tile:  # four vectors of 16, two panels of 32
        rows, groups = int(tile[2]) - 1, "(k+group-1)/group*64"
        return {
            "c": "%d*ldc+64" % rows,
            "a": "%d*lda+k" % rows,
            "b": "stride/2+k*32",
            "q": "stride+k*16",
            "scales": groups,
            "zeros": groups if tile[1] == "Int4" else "0",
            "work": "128" if tile[1] == "Int4" else "0",
        }[parameter]
    tile = re.match(r"gemm(\d+)x(\d+)", function)
    if tile:
        rows, panels = int(tile[1]), int(tile[2])
        return {
            "c": "%d*ldc+cols" % (rows - 1),
            "a": "%d*lda+k" % (rows - 1),
            "b": "k*32" if panels == 1 else "%d*stride+k*32" % (panels - 1),
            "next": "0",
        }[parameter]
    rows = int(re.match(r"outer(\d+)", function)[1])
    return {"c": "%d*ldc+cols" % (rows - 1), "a": "(k-1)*lda+%d" % rows, "b": "(k-1)*ldb+cols"}[parameter]


def proxy(function, parameters, results, signature, result):
    body = ['f := frame{name: "%s"}' % function]
    for name, kind in parameters:
        if kind.startswith("[]"):
            body.append("f.slice(unsafe.Pointer(unsafe.SliceData(%s)), len(%s), %d)" % (name, name, SIZES[kind[2:]]))
        elif kind.startswith("*["):
            body.append("f.pointer(unsafe.Pointer(%s), 4*len(%s))" % (name, name))
        elif kind[0] == "*":
            body.append("f.pointer(unsafe.Pointer(%s), %d*(%s))" % (name, SIZES[kind[1:]], extent(function, name)))
        else:
            body.append({"int": "f.word(%s)", "int32": "f.half(uint32(%s))", "float32": "f.float(%s)"}[kind] % name)
    body.append("r := f.call(%d)" % results)
    body.append("return " + ", ".join("r[%d]" % i for i in range(results)) if results else "_ = r")
    return "func %s(%s)%s {\n\t%s\n}\n" % (function, signature, result, "\n\t".join(body))


def build(folder, package):
    """Build the program with the tier's code, and that of a package's tests; give their paths."""
    path = lambda name: os.path.join(KERNEL, name)
    write = lambda name, text: open(os.path.join(folder, name), "w").write(text) and os.path.join(folder, name)
    source = open(path("set_amd64.go")).read()
    switched, count = re.subn(r"if cpu\.X86\.HasAVX512.*{", "if true {", source)
    if count != 3:
        sys.exit("set_amd64.go asks in no known way whether the processor has AVX-512, VNNI and bfloat16")
    on = {path("set_amd64.go"): write("set_amd64.go", switched)}
    proxies = dict(on)
    for name in os.listdir(KERNEL):
        if re.search(r"_avx512\w*_amd64\.(go|s)$", name) and not name.startswith("set_"):
            proxies[path(name)] = ""
    text = open(os.path.join(HERE, "proxy.go.txt")).read() + "\n" + "\n".join(proxy(*f) for f in functions())
    proxies[path("emulated_amd64.go")] = write("emulated_amd64.go", text)
    programs = []
    for name, where, replace in (("code", KERNEL, on), ("tests", package, proxies)):
        overlay = write(name + ".json", json.dumps({"Replace": replace}))
        programs.append(os.path.join(folder, name))
        subprocess.run(["go", "test", "-overlay", overlay, "-c", "-o", programs[-1], "."], cwd=where, check=True,
                       env=dict(os.environ, CGO_ENABLED="0"))
    return programs


def symbols(program):
    out = subprocess.run(["go", "tool", "nm", program], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^\s*([0-9a-f]+) T trimtab/internal/kernel\.(\w+AVX512(?:VNNI|BF16)?)\.abi0$", out, re.M)
    return {name: int(address, 16) for address, name in found}


def serve(machine, addresses, requests, replies):
    """Answer calls until the test program closes its end."""

    def take(n):
        b = requests.read(n)
        if len(b) < n:
            raise EOFError
        return b

    number = lambda: struct.unpack("<I", take(4))[0]
    try:
        while True:
            name = take(number()).decode()
            frame = bytearray(take(number()))
            regions = []
            for _ in range(number()):
                offset = number()
                regions.append((offset, take(number())))
            machine.calls[name] = machine.calls.get(name, 0) + 1
            wrong, frame, after = machine.call(addresses[name], frame, regions)
            replies.write(struct.pack("<I", len(wrong)) + wrong.encode())
            if not wrong:
                replies.write(frame + b"".join(after))
            replies.flush()
    except EOFError:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default=KERNEL, help="the folder of the package whose tests run (default: package kernel)")
    options, arguments = parser.parse_known_args()
    package, whole = os.path.abspath(options.package), not arguments and options.package == KERNEL
    arguments = arguments or ["-test.run", "/avx512($|/)|Int8.*/avx512vnni($|/)|BF16.*/avx512bf16($|/)", "-test.v"]
    with tempfile.TemporaryDirectory() as folder:
        code, tests = build(folder, package)
        addresses = symbols(code)
        choose_model()
        machine = Machine(code)
        their_requests, our_replies = os.pipe(), os.pipe()
        keep = {3: their_requests[1], 4: our_replies[0]}

        def arrange():
            high = {n: os.dup2(fd, 50 + n) for n, fd in keep.items()}
            for n, fd in high.items():
                os.dup2(fd, n, inheritable=True)

        child = subprocess.Popen([tests] + arguments, cwd=package, preexec_fn=arrange, close_fds=False)
        os.close(their_requests[1])
        os.close(our_replies[0])
        serve(machine, addresses, os.fdopen(their_requests[0], "rb"), os.fdopen(our_replies[1], "wb"))
        status = child.wait()
        idle = sorted(set(addresses) - set(machine.calls)) if whole else []
    print("%d calls of %d functions were emulated" % (sum(machine.calls.values()), len(machine.calls)))
    if idle:
        print("never called:", ", ".join(idle))
    sys.stdout.flush()
    os._exit(status or len(idle) > 0)  # the library does not survive an orderly end


if __name__ == "__main__":
    main()
