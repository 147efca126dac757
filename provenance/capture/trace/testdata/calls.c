/* Opens files in all the ways that there are. Its arguments are said below. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

static void want(int ok, const char *what) {
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static void ticks(int n) { (void)n; }

int main(int argc, char **argv) {
	const char *mode = argc > 1 ? argv[1] : "";
	char buf[8] = "new";
	int fd, dir;
	if (!strcmp(mode, "all")) { /* in a folder with a, b, c, d, e, f, sub/g, sub/h and the program true */
		want((fd = open("a", O_RDONLY)) >= 0, "open");
		close(fd);
		want((dir = open("sub", O_RDONLY | O_DIRECTORY)) >= 0, "open folder");
		want(openat(dir, "g", O_RDONLY) >= 0, "openat");
		want(openat(dir, "../b", O_RDONLY) >= 0, "openat ..");
		struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
		want(syscall(SYS_openat2, dir, "/h", &how, sizeof how) >= 0, "openat2");
		want(fchdir(dir) == 0, "fchdir");
		want(open("../c", O_RDONLY) >= 0, "open from another folder");
		want(chdir("..") == 0, "chdir");
		want((fd = creat("made", 0644)) >= 0, "creat");
		want(write(fd, buf, 3) == 3, "write");
		close(fd);
		want((fd = open(".", O_WRONLY | O_TMPFILE, 0644)) >= 0, "O_TMPFILE");
		want(write(fd, buf, 3) == 3, "write");
		char self[64];
		snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
		want(linkat(AT_FDCWD, self, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW) == 0, "linkat");
		want(truncate("d", 1) == 0, "truncate");
		want(link("e", "e2") == 0, "link");
		want(rename("f", "f2") == 0, "rename");
		want((fd = open("e", O_PATH)) >= 0, "O_PATH");
		want(open("none", O_RDONLY) < 0 && open("a", O_CREAT | O_EXCL | O_WRONLY, 0644) < 0, "what fails");
		want((fd = open("true", O_PATH)) >= 0, "O_PATH of a program");
		char *args[] = {"true", NULL}, *env[] = {NULL};
		syscall(SYS_execveat, fd, "", args, env, AT_EMPTY_PATH);
		want(0, "execveat");
	} else if (!strcmp(mode, "ring")) {
		char params[256] = {0};
		syscall(SYS_io_uring_setup, 1, params); /* it may be forbidden, and was tried */
	} else if (!strcmp(mode, "foreign")) {
#ifdef __x86_64__
		static const char name[] = "a";
		long r;
		__asm__ volatile("int $0x80" : "=a"(r) : "a"(5), "b"(name), "c"(0), "d"(0) : "memory");
		return r == -ENOSYS ? 3 : 0;
#else
		return 3;
#endif
	} else if (!strcmp(mode, "signals")) { /* each open is to come through, whatever signals do */
		struct sigaction act = {.sa_handler = ticks, .sa_flags = SA_RESTART};
		struct itimerval often = {{0, 200}, {0, 200}};
		sigaction(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &often, NULL);
		for (int i = 0; i < 3000; i++) {
			want((fd = open("a", O_RDONLY)) >= 0, "open under signals");
			close(fd);
		}
	}
	return 0;
}
