/* A disk that misbehaves when it is told to. Preloaded into a program (LD_PRELOAD), it stands between the program and
 * its calls to files under FAULT_FOLDER, and does what the control file FAULT_CONTROL says, which both sides share:
 * faults.ts writes it while the program runs. Linux with glibc, 64 bits, x64 and arm64.
 *
 * It makes system calls itself instead of looking up the functions it replaces: nothing depends on the order in which
 * libraries are initialised. What is mapped into memory (SQLite's -shm file) is out of its reach, as it is out of the
 * reach of write(); but a full disk is met there too, for SQLite extends that file by ftruncate and then writes a byte
 * into each page, exactly so that a lack of room shows in a call and not as SIGBUS. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NONE, FULL, WRITE_ERROR, FLUSH_ERROR, READ_ERROR, READ_ONLY };

/* The same fields in the same order as in faults.ts, each of 8 bytes. */
struct control {
  int64_t mode;
  int64_t flush_delay_ms;
  int64_t room_bytes; /* under FULL: what still fits */
  int64_t flushes_begun;
  int64_t flushes; /* that ended well */
  int64_t log_flushes; /* those of them that went to a write-ahead log */
  int64_t writes;
  int64_t bytes_written;
  int64_t reads;
  int64_t faults; /* calls that were made to fail, or to write less */
  int64_t clock_ms; /* what is added to the time of day */
  int64_t read_from; /* under READ_ERROR: where in a file the bytes begin that cannot be read */
};

static struct control *control;
static const char *folder;
static size_t folder_length;

__attribute__((constructor)) static void attach(void) {
  const char *path = getenv("FAULT_CONTROL");
  folder = getenv("FAULT_FOLDER");
  if (path == NULL || folder == NULL) return;
  folder_length = strlen(folder);
  int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) {
    /* A test that believes in faults which never come would prove nothing. */
    fprintf(stderr, "faults: cannot map %s\n", path);
    abort();
  }
  syscall(SYS_close, fd);
  control = at;
}

static int64_t load(int64_t *field) { return __atomic_load_n(field, __ATOMIC_SEQ_CST); }
static void add(int64_t *field, int64_t n) { __atomic_fetch_add(field, n, __ATOMIC_SEQ_CST); }

static int is_inside(const char *path) {
  return strncmp(path, folder, folder_length) == 0 && (path[folder_length] == '/' || path[folder_length] == 0);
}

/* The path is asked for anew in each call: a table of descriptors would go wrong at every dup and every close that is
 * not seen. */
static int path_of(int fd, char path[PATH_MAX]) {
  char link[64];
  int saved = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  errno = saved;
  path[length < 0 ? 0 : length] = 0;
  return length >= 0;
}

static int concerns(int fd) {
  char path[PATH_MAX];
  return control != NULL && path_of(fd, path) && is_inside(path);
}

static int fail(int error) {
  add(&control->faults, 1);
  errno = error;
  return -1;
}

/* Tells which error a call that changes a file meets; 0 for none. A lack of room is not among them: see `room_for`. */
static int write_error(void) {
  int64_t mode = load(&control->mode);
  return mode == WRITE_ERROR ? EIO : mode == READ_ONLY ? EROFS : 0;
}

/* Takes up to `bytes` of what room there is and tells how many it took. What lies within a file already takes room as
 * well, as on file systems that never write in place: a full disk then stays full for whoever uses its log again. */
static size_t room_for(size_t bytes) {
  if (load(&control->mode) != FULL) return bytes;
  int64_t wanted = bytes, room = load(&control->room_bytes), taken;
  do taken = room < 0 ? 0 : room < wanted ? room : wanted;
  while (!__atomic_compare_exchange_n(&control->room_bytes, &room, room - taken, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  if (taken < wanted) add(&control->faults, 1);
  return taken;
}

/* ---- open ---- */

static int refuses_open(int folder_fd, const char *path, int flags) {
  if (control == NULL || load(&control->mode) != READ_ONLY) return 0;
  if ((flags & O_ACCMODE) == O_RDONLY && !(flags & (O_CREAT | O_TRUNC))) return 0;
  char whole[2 * PATH_MAX + 1], parent[PATH_MAX], *slash;
  if (path[0] == '/') snprintf(whole, sizeof whole, "%s", path);
  else {
    char base[PATH_MAX];
    if (folder_fd == AT_FDCWD ? getcwd(base, sizeof base) == NULL : !path_of(folder_fd, base)) return 0;
    snprintf(whole, sizeof whole, "%s/%s", base, path);
  }
  /* The file need not be there yet, its folder must. */
  if ((slash = strrchr(whole, '/')) == NULL) return 0;
  *slash = 0;
  return realpath(whole[0] ? whole : "/", parent) != NULL && is_inside(parent);
}

static int open_at(int folder_fd, const char *path, int flags, mode_t mode) {
  if (refuses_open(folder_fd, path, flags)) return fail(EROFS);
  return syscall(SYS_openat, folder_fd, path, flags, mode);
}

#define TAKE_MODE(flags)                            \
  mode_t mode = 0;                                  \
  if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
    va_list rest;                                   \
    va_start(rest, flags);                          \
    mode = va_arg(rest, int);                       \
    va_end(rest);                                   \
  }

int open(const char *path, int flags, ...) {
  TAKE_MODE(flags)
  return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder_fd, const char *path, int flags, ...) {
  TAKE_MODE(flags)
  return open_at(folder_fd, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder_fd, const char *path, int flags, ...) __attribute__((alias("openat")));

/* ---- read ---- */

/* `at` is where the read begins, -1 for where the file stands. */
static int read_fails(int fd, off_t at, size_t bytes) {
  if (!concerns(fd)) return 0;
  add(&control->reads, 1);
  if (load(&control->mode) != READ_ERROR) return 0;
  if (at < 0) at = syscall(SYS_lseek, fd, 0, SEEK_CUR);
  return at + (int64_t)bytes > load(&control->read_from);
}

ssize_t read(int fd, void *to, size_t bytes) {
  return read_fails(fd, -1, bytes) ? fail(EIO) : syscall(SYS_read, fd, to, bytes);
}

ssize_t pread(int fd, void *to, size_t bytes, off_t at) {
  return read_fails(fd, at, bytes) ? fail(EIO) : syscall(SYS_pread64, fd, to, bytes, at);
}

ssize_t pread64(int fd, void *to, size_t bytes, off64_t at) __attribute__((alias("pread")));

/* ---- write ---- */

/* Tells how many of `bytes` may be written; -1 with errno where none may. */
static ssize_t admitted(size_t bytes) {
  int error = write_error();
  if (error) return fail(error);
  size_t taken = room_for(bytes);
  if (taken > 0 || bytes == 0) return taken;
  errno = ENOSPC;
  return -1;
}

static ssize_t counted(ssize_t written) {
  add(&control->writes, 1);
  if (written > 0) add(&control->bytes_written, written);
  return written;
}

ssize_t write(int fd, const void *from, size_t bytes) {
  if (!concerns(fd)) return syscall(SYS_write, fd, from, bytes);
  ssize_t taken = admitted(bytes);
  return taken < 0 ? -1 : counted(syscall(SYS_write, fd, from, taken));
}

ssize_t pwrite(int fd, const void *from, size_t bytes, off_t at) {
  if (!concerns(fd)) return syscall(SYS_pwrite64, fd, from, bytes, at);
  ssize_t taken = admitted(bytes);
  return taken < 0 ? -1 : counted(syscall(SYS_pwrite64, fd, from, taken, at));
}

ssize_t pwrite64(int fd, const void *from, size_t bytes, off64_t at) __attribute__((alias("pwrite")));

/* Makes a hole where it lengthens a file, and a hole takes no room: on a full disk it works. */
int ftruncate(int fd, off_t length) {
  int error = concerns(fd) ? write_error() : 0;
  return error ? fail(error) : syscall(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length) __attribute__((alias("ftruncate")));

/* All or nothing, unlike a write. */
int fallocate(int fd, int mode, off_t at, off_t length) {
  if (concerns(fd)) {
    int error = write_error();
    if (error) return fail(error);
    off_t taken = room_for(length);
    if (taken < length) {
      add(&control->room_bytes, taken);
      errno = ENOSPC;
      return -1;
    }
  }
  return syscall(SYS_fallocate, fd, mode, at, length);
}

int fallocate64(int fd, int mode, off64_t at, off64_t length) __attribute__((alias("fallocate")));

int posix_fallocate(int fd, off_t at, off_t length) {
  int saved = errno;
  int error = fallocate(fd, 0, at, length) == 0 ? 0 : errno;
  errno = saved;
  return error;
}

int posix_fallocate64(int fd, off64_t at, off64_t length) __attribute__((alias("posix_fallocate")));

/* ---- flush ---- */

static int64_t now_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000LL + at.tv_nsec / 1000000;
}

/* Looks at the delay again and again, so that a test can hold a flush for as long as it likes and then let it go. */
static void wait_as_told(void) {
  struct timespec pause = {0, 1000000};
  for (int64_t from = now_ms(); now_ms() - from < load(&control->flush_delay_ms);) nanosleep(&pause, NULL);
}

static int flush(long call, int fd) {
  char path[PATH_MAX];
  if (control == NULL || !path_of(fd, path) || !is_inside(path)) return syscall(call, fd);
  add(&control->flushes_begun, 1);
  wait_as_told();
  int64_t mode = load(&control->mode);
  if (mode == WRITE_ERROR || mode == FLUSH_ERROR) return fail(EIO);
  int result = syscall(call, fd);
  if (result != 0) return result;
  size_t length = strlen(path);
  if (length > 4 && strcmp(path + length - 4, "-wal") == 0) add(&control->log_flushes, 1);
  add(&control->flushes, 1);
  return 0;
}

int fsync(int fd) { return flush(SYS_fsync, fd); }
int fdatasync(int fd) { return flush(SYS_fdatasync, fd); }

/* ---- clock ---- */

/* What Node tells the time of day by; the clock that only goes forward is another call, and left alone. */
int gettimeofday(struct timeval *at, void *zone) {
  int result = syscall(SYS_gettimeofday, at, zone);
  if (result == 0 && control != NULL) {
    int64_t us = at->tv_sec * 1000000LL + at->tv_usec + load(&control->clock_ms) * 1000;
    at->tv_sec = us / 1000000;
    at->tv_usec = us % 1000000;
  }
  return result;
}
