/* SPDX-License-Identifier: GPL-2.0-only */
#include "remedy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "kernel_version.h"
#include "seccomp_filter.h"

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = { .version =
							   _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

/* CAP_SYS_ADMIN includes both of the newer ones. */
static bool is_capable(int capability)
{
	return effective_capabilities() &
	       (UINT64_C(1) << capability | UINT64_C(1) << CAP_SYS_ADMIN);
}

/* Capabilities over another one are void for BPF. */
static bool in_initial_user_namespace(void)
{
	enum { INITIAL_USER_NAMESPACE = 0xEFFFFFFD }; /* include/linux/proc_ns.h */
	struct stat st;

	return stat("/proc/self/ns/user", &st) < 0 ||
	       st.st_ino == (ino_t)(uint32_t)INITIAL_USER_NAMESPACE;
}

/* By a command that there is not: it is charged to no limit, and lockdown does not mind it. */
static bool is_bpf_filtered(void)
{
	return seccomp_has_filter() && syscall(SYS_bpf, -1, NULL, 0) < 0 &&
	       errno != EINVAL;
}

/* Linux 5.11 stopped charging maps and programs to the limit; asked by bpf(2), it may refuse that as well. */
static bool is_charged_to_memlock(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
	       limit.rlim_cur != RLIM_INFINITY && kernel_is_before(5, 11);
}

/* Returns a descriptor, which is negative where the program is refused. */
static int load_program(const struct bpf_insn *code, size_t count)
{
	return bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, "GPL", code, count,
			     NULL);
}

/* The same of a program that does nothing. */
static int load_nothing(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load_program(code, sizeof(code) / sizeof(code[0]));
}

static bool may_load(void)
{
	cleanup_close int fd = load_nothing();

	return fd >= 0;
}

/*
 * Lockdown in confidentiality mode takes this helper away. Its file in securityfs says the
 * mode, too, but may not be mounted.
 */
static bool may_read_kernel(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	cleanup_close int fd = load_program(code, sizeof(code) / sizeof(code[0]));

	return fd >= 0;
}

static const char *missing_capability(void)
{
	bool bpf = is_capable(CAP_BPF), perfmon = is_capable(CAP_PERFMON);

#define GRANT                                                                  \
	": run collectd as root or with CAP_BPF and CAP_PERFMON (of systemd, " \
	"CapabilityBoundingSet= and AmbientCapabilities=; of containers, --cap-add)"
	if (!bpf && !perfmon)
		return "collectd has neither capability" GRANT;
	if (!bpf)
		return "collectd lacks CAP_BPF" GRANT;
	if (!perfmon)
		return "collectd lacks CAP_PERFMON" GRANT;
	return NULL;
#undef GRANT
}

const char *remedy_for_filter(void)
{
	return "collectd runs under a seccomp filter: let that allow bpf and perf_event_open "
	       "(of systemd, SystemCallFilter=; of containers, their seccomp profile)";
}

static bool is_locked_down(void)
{
	return may_load() && !may_read_kernel();
}

static const char *lockdown_remedy(void)
{
	return "this kernel is locked down in confidentiality mode, where no program may read its "
	       "memory: boot it with lockdown=integrity or without";
}

static const char look_for_module[] =
	"collectd has CAP_BPF and CAP_PERFMON: look in the kernel's log and the audit log for the "
	"security module that forbids it";

static const char *permission_remedy(void)
{
	const char *missing;

	if (!in_initial_user_namespace())
		return "collectd is in a user namespace, where no capability is good for BPF: run "
		       "it in the host's (of systemd, no PrivateUsers=; of containers, no "
		       "rootless ones)";
	missing = missing_capability();
	if (missing)
		return missing;
	if (is_bpf_filtered())
		return remedy_for_filter();
	if (is_locked_down())
		return lockdown_remedy();
	if (is_charged_to_memlock())
		return "raise RLIMIT_MEMLOCK, to which this kernel charges BPF maps (of systemd, "
		       "LimitMEMLOCK=infinity), or set a lower Max in <Groups>";
	return look_for_module;
}

/* The sysctl itself is shown in the first network namespace only. */
static bool is_jit_off(void)
{
	cleanup_close int fd = load_nothing();
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
	       info.jited_prog_len == 0;
}

static const char *jit_remedy(void)
{
	return "have them compiled: set the sysctl net.core.bpf_jit_enable to 1";
}

static const char wrong_btf_file[] =
	"let BtfPath name a file with the BTF of the running kernel";

const char *remedy_for_btf_file(void)
{
	return wrong_btf_file;
}

static const char *program_remedy(const char *btf_path)
{
	if (!may_load())
		return permission_remedy();
	if (!may_read_kernel())
		return lockdown_remedy();
	if (is_jit_off())
		return jit_remedy();
	if (btf_path)
		return wrong_btf_file;
	return "the kernel's verifier refuses the program: please report it with the kernel's "
	       "version";
}

/* With the capabilities that this process has: access(2) asks without where it is not root. */
static bool may_access(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

static const char *btf_remedy(const char *btf_path)
{
	if (btf_path && !may_access(btf_path, R_OK))
		return wrong_btf_file;
	if (!btf_path && !may_access("/sys/kernel/btf/vmlinux", R_OK))
		return "this kernel shows no BTF in /sys/kernel/btf/vmlinux: use one built with "
		       "CONFIG_DEBUG_INFO_BTF and let the daemon see /sys, or name a file with "
		       "its BTF by BtfPath";
	return NULL;
}

bool is_hidden(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -EACCES || err == -EPERM;
}

static const char more_memory[] =
	"let the daemon have more memory (its memory cgroup), or set a lower Max in <Groups>";

static const char see_manual[] = "see the manual page collectd-ebpf(5) for what it needs";

const char *remedy_for(int err, const char *btf_path)
{
	const char *no_btf = btf_remedy(btf_path);

	if (err == -ENOEXEC) /* of loader.c: a program was there, but not compiled */
		return jit_remedy();
	/* libbpf makes sure that it may use bpf before it looks for type information */
	if (err != -EPERM && err != -ENOSYS && no_btf)
		return no_btf;
	switch (-err) {
	case EACCES: /* of security modules, too */
	case EINVAL:
		return program_remedy(btf_path);
	case EPERM:
		return permission_remedy();
	case ENOMEM:
		return more_memory;
	case EAGAIN: /* fork(2) */
		return "let the daemon's user have more processes (RLIMIT_NPROC; of systemd, LimitNPROC= "
		       "and TasksMax=)";
	case EMFILE:
		return "let the daemon have more open files (RLIMIT_NOFILE; of systemd, "
		       "LimitNOFILE=)";
	case E2BIG: /* the BTF of another kernel is found wrong in many ways, of which this is one */
		return btf_path ? wrong_btf_file : more_memory;
	case ENOSYS:
		return seccomp_has_filter() ?
			       remedy_for_filter() :
			       "use a kernel built with CONFIG_BPF_SYSCALL";
	default:
		return btf_path ? wrong_btf_file : see_manual;
	}
}

static const char use_kprobes[] =
	"use a kernel built with CONFIG_KPROBES, and let the daemon see /sys";

const char *remedy_for_kprobes(void)
{
	return use_kprobes;
}

bool remedy_is_weak(const char *remedy)
{
	return remedy == look_for_module || remedy == see_manual ||
	       remedy == use_kprobes || remedy == wrong_btf_file;
}

/* Where the events are looked up by number, before perf_event_open(2). */
static bool has_tracefs(void)
{
	return may_access("/sys/kernel/tracing/events", X_OK) ||
	       may_access("/sys/kernel/debug/tracing/events", X_OK);
}

/* Debian's kernels have more values than others: at 3 CAP_PERFMON does not suffice. */
static bool is_paranoid(void)
{
	cleanup_fclose FILE *f = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int level;

	return f && fscanf(f, "%d", &level) == 1 && level > 2 &&
	       !(effective_capabilities() & UINT64_C(1) << CAP_SYS_ADMIN);
}

static const char lower_paranoia[] =
	"set the sysctl kernel.perf_event_paranoid to 2 or less, or give collectd CAP_SYS_ADMIN";

const char *remedy_for_perf_events(void)
{
	if (is_paranoid())
		return lower_paranoia;
	if (has_tracefs() && seccomp_has_filter())
		return remedy_for_filter();
	return remedy_for_tracepoints();
}

const char *remedy_for_events(int err, bool by_perf, const char *btf_path)
{
	if (err == -ENOMEM)
		return "let the daemon have more memory (its memory cgroup), or lower EventBuffer";
	if (!by_perf || err == -EAGAIN || err == -EMFILE)
		return remedy_for(err, btf_path);
	if (is_paranoid())
		return lower_paranoia;
	if (err == -EPERM && !seccomp_has_filter() &&
	    !(effective_capabilities() & UINT64_C(1) << CAP_IPC_LOCK))
		return "lower EventBuffer; or raise the sysctl kernel.perf_event_mlock_kb, or "
		       "RLIMIT_MEMLOCK (of systemd, LimitMEMLOCK=), or give collectd CAP_IPC_LOCK";
	return seccomp_has_filter() ? remedy_for_filter() : look_for_module;
}

const char *remedy_for_tracepoints(void)
{
	return "mount tracefs and let collectd use it, as root or with CAP_DAC_READ_SEARCH and "
	       "kernel.perf_event_paranoid below 3";
}
