// A small disk of a test's own, which can be filled, protected, and held still.

import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const MIB = 1024 * 1024;

/** Makes a file system of `size` MiB in a file and mounts it; everything goes with the test. It takes root. */
export function mountDisk(t, size = 96) {
  const disk = new Disk(mkdtempSync(path.join(os.tmpdir(), "stagedoor-disk-")));
  // Before anything that uses the disk ends: a process that waits for a disk that is held still cannot be killed.
  t.after(() => disk.remove());
  disk.mount(size);
  return disk;
}

class Disk {
  constructor(place) {
    Object.assign(this, { place, image: path.join(place, "image"), directory: path.join(place, "mounted"), isHeld: false });
  }

  mount(size) {
    closeSync(openSync(this.image, "w"));
    truncateSync(this.image, size * MIB);
    // Nothing is kept back for root, and the tables are written at once, so that what is free is free for everybody.
    run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", this.image);
    mkdirSync(this.directory);
    run("mount", "-o", "loop", this.image, this.directory);
    this.isMounted = true;
    // A server that does not run as root has to get there.
    chmodSync(this.place, 0o755);
  }

  /** Leaves no block free. */
  fill() {
    const file = openSync(this.#filler, "w");
    for (let block = MIB; block >= 1024; ) {
      if (append(file, block)) continue;
      // What was set aside for the file and not needed is free again when the file is on the disk.
      fsyncSync(file);
      block /= 2;
    }
    closeSync(file);
  }

  /** Frees what `fill` took. */
  empty() {
    rmSync(this.#filler);
  }

  /** From now on whoever writes waits, as for a disk that does not answer. */
  hold() {
    run("fsfreeze", "--freeze", this.directory);
    this.isHeld = true;
  }

  release() {
    run("fsfreeze", "--unfreeze", this.directory);
    this.isHeld = false;
  }

  /** From now on nobody may write to these files, root neither, nor who has opened them before. */
  protect(...files) {
    run("chattr", "+i", ...files.map((file) => path.join(this.directory, file)));
  }

  unprotect(...files) {
    run("chattr", "-i", ...files.map((file) => path.join(this.directory, file)));
  }

  remove() {
    if (this.isHeld) this.release();
    if (this.isMounted) run("umount", "--lazy", this.directory);
    rmSync(this.place, { recursive: true });
  }

  get #filler() {
    return path.join(this.directory, "filler");
  }
}

/** Whether there was room for `length` more bytes. */
function append(file, length) {
  try {
    return writeSync(file, Buffer.alloc(length)) === length;
  } catch (error) {
    if (error.code !== "ENOSPC") throw error;
    return false;
  }
}

/** A test without a disk of its own fails; it is not skipped. */
function run(program, ...args) {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`this test mounts a small disk, which takes root: ${program}: ${error ?? stderr}`);
}
