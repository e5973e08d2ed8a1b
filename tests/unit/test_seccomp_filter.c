/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp_filter.h"

static bool filter(long nr, uint32_t action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum answer { LIVES, DIES, NO_FILTER };

/* What is found out of bpf(2) where `action` is taken of the call `nr`: filters stay, so in a child. */
static enum answer with_filter(long nr, uint32_t action)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (!filter(nr, action) || !seccomp_has_filter())
			_exit(NO_FILTER);
		_exit(seccomp_kills(SYS_bpf) ? DIES : LIVES);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void without_a_filter_nothing_is_tried(void **state)
{
	(void)state;
	if (seccomp_has_filter()) /* somebody runs us under one */
		skip();
	assert_false(seccomp_kills(SYS_exit_group));
}

static void a_filter_that_kills_is_found_out(void **state)
{
	(void)state;
	assert_int_equal(with_filter(SYS_bpf, SECCOMP_RET_KILL_PROCESS), DIES);
	assert_int_equal(with_filter(SYS_bpf, SECCOMP_RET_KILL_THREAD), DIES);
	assert_int_equal(with_filter(SYS_bpf, SECCOMP_RET_TRAP), DIES);
}

static void one_that_does_not_is_none(void **state)
{
	(void)state;
	assert_int_equal(with_filter(SYS_bpf, SECCOMP_RET_ERRNO | 1), LIVES);
	assert_int_equal(with_filter(SYS_swapoff, SECCOMP_RET_KILL_PROCESS), LIVES);
}

static void where_none_can_be_tried_that_is_told(void **state)
{
	const struct rlimit none = { 0 };
	pid_t child;
	int status;

	(void)state;
	child = fork();
	if (child == 0)
		_exit(filter(SYS_swapoff, SECCOMP_RET_KILL_PROCESS) &&
				      setrlimit(RLIMIT_NOFILE, &none) == 0 ?
			      -seccomp_kills(SYS_bpf) :
			      0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EMFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_filter_nothing_is_tried),
		cmocka_unit_test(a_filter_that_kills_is_found_out),
		cmocka_unit_test(one_that_does_not_is_none),
		cmocka_unit_test(where_none_can_be_tried_that_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
