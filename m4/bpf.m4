dnl SPDX-License-Identifier: GPL-2.0-only

dnl Sets BPF_ARCH: the name that libbpf's headers (__TARGET_ARCH_x) have for the host's CPU.
AC_DEFUN([EBPF_BPF_ARCH], [
	AS_CASE([$host_cpu],
		[x86_64|i?86], [BPF_ARCH=x86],
		[aarch64*], [BPF_ARCH=arm64],
		[arm*], [BPF_ARCH=arm],
		[loongarch*], [BPF_ARCH=loongarch],
		[mips*], [BPF_ARCH=mips],
		[powerpc*], [BPF_ARCH=powerpc],
		[riscv*], [BPF_ARCH=riscv],
		[s390*], [BPF_ARCH=s390],
		[AC_MSG_ERROR([no BPF support for $host_cpu])])
	AC_SUBST([BPF_ARCH])
])

dnl Sets have_bpf_toolchain, and the reason in bpf_toolchain_missing if not. Tried, not guessed by
dnl version: a clang may lack the BPF target, a bpftool "gen object" (before 5.13), and Ubuntu's
dnl /usr/sbin/bpftool is a script that fails when no tools package fits the running kernel.
AC_DEFUN([EBPF_BPF_TOOLCHAIN], [
	bpf_path=$PATH:/usr/sbin:/sbin:/usr/local/sbin
	AC_ARG_VAR([CLANG], [clang, for the BPF programs])
	AC_ARG_VAR([BPFTOOL], [bpftool, for their skeletons])
	AC_PATH_PROGS([CLANG], [clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14],
		[], [$bpf_path])
	AC_PATH_PROG([BPFTOOL], [bpftool], [], [$bpf_path])

	AC_MSG_CHECKING([whether clang and bpftool make a BPF skeleton])
	have_bpf_toolchain=no
	echo 'int probe;' >conftest.bpf.c
	AS_IF([test -z "$CLANG"], [bpf_toolchain_missing="clang not found"],
	      [test -z "$BPFTOOL"], [bpf_toolchain_missing="bpftool not found"],
	      [! "$CLANG" -O2 -g -mcpu=v3 --target=bpf -c conftest.bpf.c \
			-o conftest.full.o >&AS_MESSAGE_LOG_FD 2>&1],
		[bpf_toolchain_missing="$CLANG has no BPF target"],
	      [! "$BPFTOOL" gen object conftest.bpf.o conftest.full.o \
			>&AS_MESSAGE_LOG_FD 2>&1 ||
	       ! "$BPFTOOL" gen skeleton conftest.bpf.o >&AS_MESSAGE_LOG_FD 2>&1],
		[bpf_toolchain_missing="$BPFTOOL cannot link objects or make skeletons"],
	      [have_bpf_toolchain=yes])
	rm -f conftest.bpf.c conftest.full.o conftest.bpf.o
	AC_MSG_RESULT([$have_bpf_toolchain${bpf_toolchain_missing:+ ($bpf_toolchain_missing)}])
])

dnl Compile the BPF programs, or take the skeletons of the release tarball? "make dist" puts the
dnl file MADE-BY beside those that it ships: skeletons alone do not tell the two apart, as a build
dnl in the source directory of a git checkout leaves its own at the same place.
AC_DEFUN([EBPF_BPF_SKELETONS], [
	AC_ARG_ENABLE([bpf-compile],
		[AS_HELP_STRING([--enable-bpf-compile],
			[compile the BPF programs even if compiled ones are shipped])],
		[], [enable_bpf_compile=no])
	shipped=$srcdir/bpf/skeletons
	AC_MSG_CHECKING([for shipped BPF skeletons for $BPF_ARCH])
	AS_IF([test -f "$shipped/MADE-BY" && ls "$shipped/$BPF_ARCH/"*.skel.h >/dev/null 2>&1],
		[compile_bpf=$enable_bpf_compile], [compile_bpf=yes])
	AS_IF([test "$compile_bpf" = no], [
		AC_MSG_RESULT([yes])
		bpf_summary="shipped, for $BPF_ARCH"
	], [
		AC_MSG_RESULT([no])
		EBPF_BPF_TOOLCHAIN
		AS_IF([test "$have_bpf_toolchain" = no], [AC_MSG_ERROR([
The BPF programs have to be compiled, but $bpf_toolchain_missing.
Install clang and bpftool, or build from a release tarball: it carries the BPF
programs compiled, for x86 and arm64.])])
		bpf_summary="compiled for $BPF_ARCH by $CLANG and $BPFTOOL"
	])
	AM_CONDITIONAL([COMPILE_BPF], [test "$compile_bpf" != no])
])
