/* For tests: makes the disk fail while the file named by FAILING_DISK exists, for files whose path names a database.
   The file holds one letter: f, fsync fails with EIO; s, there is no space to write; h, fsync never returns. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(int fd, char how) {
    char link[64], path[4096], found = 0;
    const char *name = getenv("FAILING_DISK");
    int file = name ? open(name, O_RDONLY) : -1;
    if (file < 0) return 0;
    if (read(file, &found, 1) != 1) found = 0;
    close(file);
    if (found != how) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "returnee-bot.db") != NULL;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

static int sync_or_fail(int fd, int (*real)(int)) {
    while (fails(fd, 'h')) usleep(100000);
    if (fails(fd, 'f')) { errno = EIO; return -1; }
    return real(fd);
}

int fsync(int fd) { return sync_or_fail(fd, REAL(int, fsync, int)); }
int fdatasync(int fd) { return sync_or_fail(fd, REAL(int, fdatasync, int)); }

ssize_t write(int fd, const void *data, size_t size) {
    if (fails(fd, 's')) { errno = ENOSPC; return -1; }
    return REAL(ssize_t, write, int, const void *, size_t)(fd, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    if (fails(fd, 's')) { errno = ENOSPC; return -1; }
    return REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    if (fails(fd, 's')) { errno = ENOSPC; return -1; }
    return REAL(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, data, size, at);
}
