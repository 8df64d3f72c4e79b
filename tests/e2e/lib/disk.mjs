// A small disk of a test's own, which can be filled, protected, and held still.

import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const MIB = 1024 * 1024;

/** Makes a file system of `size` MiB in a file and mounts it; everything goes with the test. It takes root. */
export async function mountDisk(t, size = 96) {
  const disk = new Disk(await mkdtemp(path.join(os.tmpdir(), "stagedoor-disk-")));
  // Before anything that uses the disk ends: a process that waits for a disk that is held still cannot be killed.
  t.after(() => disk.remove());
  await disk.mount(size);
  return disk;
}

class Disk {
  constructor(place) {
    Object.assign(this, { place, image: path.join(place, "image"), directory: path.join(place, "mounted"), isHeld: false });
  }

  async mount(size) {
    await writeFile(this.image, "");
    await truncate(this.image, size * MIB);
    // Nothing is kept back for root, and the tables are written at once, so that what is free is free for everybody.
    await run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", this.image);
    await mkdir(this.directory);
    await run("mount", "-o", "loop", this.image, this.directory);
    this.isMounted = true;
    // A server that does not run as root has to get there.
    await chmod(this.place, 0o755);
  }

  /** Leaves no block free. */
  async fill() {
    const file = await open(this.#filler, "w");
    for (let block = MIB; block >= 1024; ) {
      if (await append(file, block)) continue;
      // What was set aside for the file and not needed is free again when the file is on the disk.
      await file.sync();
      block /= 2;
    }
    await file.close();
  }

  /** Frees what `fill` took. */
  empty() {
    return rm(this.#filler);
  }

  /** From now on whoever writes waits, as for a disk that does not answer. */
  async hold() {
    await run("fsfreeze", "--freeze", this.directory);
    this.isHeld = true;
  }

  async release() {
    await run("fsfreeze", "--unfreeze", this.directory);
    this.isHeld = false;
  }

  /** From now on nobody may write to these files, root neither, nor who has opened them before. */
  protect(...files) {
    return run("chattr", "+i", ...files.map((file) => path.join(this.directory, file)));
  }

  unprotect(...files) {
    return run("chattr", "-i", ...files.map((file) => path.join(this.directory, file)));
  }

  async remove() {
    if (this.isHeld) await this.release();
    if (this.isMounted) await run("umount", "--lazy", this.directory);
    await rm(this.place, { recursive: true });
  }

  get #filler() {
    return path.join(this.directory, "filler");
  }
}

/** Whether there was room for `length` more bytes. */
async function append(file, length) {
  try {
    return (await file.write(Buffer.alloc(length))).bytesWritten === length;
  } catch (error) {
    if (error.code !== "ENOSPC") throw error;
    return false;
  }
}

/** A test without a disk of its own fails; it is not skipped. */
async function run(program, ...args) {
  await promisify(execFile)(program, args).catch((error) => {
    throw new Error(`this test mounts a small disk, which takes root: ${program}: ${error.stderr || error}`);
  });
}
