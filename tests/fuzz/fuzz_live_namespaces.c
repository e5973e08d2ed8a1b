/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Namespaces that there are, as listns(2), the iterators and /proc/PID/mountinfo tell
 * them: in any order, in pieces, with failures. Each is counted once. A process chooses
 * what its mounts are called, so that lines of mountinfo may hold anything.
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf_shared.h"
#include "live_namespaces.h"
#include "loader.h"
#include "namespace_names.h"

enum { LISTNS = 470, INODES = 64, READS_MAX = 4 };

/* The input when a target runs; NULL: the fuzzer itself is calling. */
static struct input *in;
static bool has_listns;
static bool sane; /* records are whole, and an inode has one type */
static bool failed;
/* Of this read: what has been told, and which are mount namespaces that a task is in. */
static bool told[INODES], readable[INODES];
static int mountinfos;
static double listed;
static char mounts[4096];

int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report);
void __wrap_loader_stop(struct loaded *l);
int __wrap_loader_link(const struct loaded *l, const char *program);
int __wrap_bpf_iter_create(int link);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __real_read(int fd, void *to, size_t size);
int __wrap_stat(const char *path, struct stat *ret);
int __real_stat(const char *path, struct stat *ret);
long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...);

int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report)
{
	(void)object, (void)plan, (void)report;
	has_listns = false;
	*ret = (struct loaded *)&sane;
	return 0;
}

void __wrap_loader_stop(struct loaded *l)
{
	CHECK(has_listns ? !l : l == (struct loaded *)&sane);
}

int __wrap_loader_link(const struct loaded *l, const char *program)
{
	CHECK(l == (struct loaded *)&sane && strstr(program, "_namespaces"));
	return 1;
}

int __wrap_bpf_iter_create(int link)
{
	CHECK(link == 1);
	if (take_byte(in) == '!') {
		failed = true;
		errno = EPERM;
		return -1;
	}
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The initial PID namespace, in which alone listns(2) tells of all. */
int __wrap_stat(const char *path, struct stat *ret)
{
	if (!in)
		return __real_stat(path, ret);
	ret->st_ino = (ino_t)0xEFFFFFFC;
	return 0;
}

/*
 * In the way of the fuzzer's own calls, too. Takes more arguments than most calls have,
 * which is not for the sanitizer to see.
 */
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (!in || (number != LISTNS && number != SYS_capget))
		return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number == SYS_capget) {
		memset((void *)a[1], has_listns ? 0xff : 0, 2 * 3 * sizeof(uint32_t));
		return 0;
	}
	if (take_byte(in) == '!') {
		failed = true;
		errno = EPERM;
		return -1;
	}
	a[2] = a[2] * take_small(in) / UINT8_MAX;
	for (long i = 0; i < a[2]; i++)
		((uint64_t *)a[1])[i] = (uint64_t)i + 1;
	listed += (double)a[2];
	return a[2];
}

static void note(const struct live_namespace *record)
{
	if (!sane)
		return;
	told[record->inode] = true;
	if (record->type == NAMESPACE_MNT && record->pid)
		readable[record->inode] = true;
}

static void take_record(struct live_namespace *record)
{
	if (!sane) {
		take_bytes(in, record, sizeof(*record));
		record->type %= 2 * NAMESPACE_TYPES;
		return;
	}
	*record = (struct live_namespace){ .inode = take_small(in) % INODES,
					   .pid = take_small(in) };
	record->type = record->inode % NAMESPACE_TYPES;
	note(record);
}

/* bpf_seq_write() writes whole records, but who knows. */
static ssize_t hand_out(void *to, size_t size)
{
	struct live_namespace records[8];
	size_t count = take_small(in) % 9;
	size_t bytes = count * sizeof(records[0]);

	CHECK(size >= sizeof(records));
	for (size_t i = 0; i < count; i++)
		take_record(&records[i]);
	if (!sane && bytes)
		bytes -= take_small(in) % bytes;
	memcpy(to, records, bytes);
	return (ssize_t)bytes;
}

ssize_t __wrap_read(int fd, void *to, size_t size)
{
	if (!in)
		return __real_read(fd, to, size);
	switch (take_byte(in)) {
	case 'r':
		return hand_out(to, size);
	case 'a':
		errno = EAGAIN;
		return -1;
	case '!':
		failed = true;
		errno = EFAULT;
		return -1;
	default:
		return 0;
	}
}

/* Lines as the kernel writes them, of inodes that are told by now. */
static size_t write_mounts(void)
{
	size_t used = 0;

	for (unsigned n = take_small(in) % 10; n; n--) {
		unsigned inode = take_small(in) % INODES;

		told[inode] |= inode % NAMESPACE_TYPES != NAMESPACE_UNKNOWN;
		used += snprintf(mounts + used, sizeof(mounts) - used,
				 "36 25 0:4 %s:[%u] /run/%c rw shared:1 - nsfs nsfs rw\n",
				 namespace_name(inode % NAMESPACE_TYPES), inode,
				 take_byte(in) % 26 + 'a');
	}
	return used;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	size_t size;

	if (!in || strncmp(path, "/proc/", 6) != 0)
		return __real_fopen(path, mode);
	mountinfos++;
	if (sane) {
		size = write_mounts();
	} else {
		char *text = take_text(in, "~");

		size = (size_t)snprintf(mounts, sizeof(mounts), "%s", text);
		size = size < sizeof(mounts) ? size : sizeof(mounts) - 1;
		free(text);
	}
	return size ? fmemopen(mounts, size, "r") : NULL;
}

static void check_values(const double values[])
{
	int expected[NAMESPACE_TYPES] = { 0 }, expected_mountinfos = 0;
	double sum = 0;

	for (int type = 0; type < NAMESPACE_UNKNOWN; type++) {
		CHECK(values[type] >= 0);
		sum += values[type];
	}
	if (has_listns)
		CHECK(sum == listed, "%f of %f", sum, listed);
	for (int inode = 0; inode < INODES; inode++) {
		expected[inode % NAMESPACE_TYPES] += told[inode];
		expected_mountinfos += readable[inode];
	}
	if (has_listns || !sane)
		return;
	CHECK(mountinfos == expected_mountinfos, "%d", mountinfos);
	for (int type = 0; type < NAMESPACE_UNKNOWN; type++)
		CHECK(values[type] == expected[type], "%s: %f, but %d were told",
		      namespace_name(type), values[type], expected[type]);
}

static void read_once(void *state)
{
	double values[NAMESPACE_UNKNOWN];
	int err;

	failed = false;
	mountinfos = 0;
	listed = 0;
	memset(told, 0, sizeof(told));
	memset(readable, 0, sizeof(readable));
	err = live_namespaces.read(state, values);
	CHECK((err != 0) == failed, "%d", err);
	if (!err)
		check_values(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	const struct settings settings = { .btf_path = NULL };
	char error[LOAD_ERROR_MAX];
	uint8_t mode = take_byte(&input);
	void *state;

	has_listns = mode == 'l';
	sane = mode == 's';
	in = &input;
	state = live_namespaces.start(&settings, error, sizeof(error));
	for (int i = 0; i < READS_MAX && input.left && state; i++)
		read_once(state);
	live_namespaces.stop(state);
	in = NULL;
	return 0;
}
