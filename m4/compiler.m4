dnl SPDX-License-Identifier: GPL-2.0-only

AC_DEFUN([EBPF_ARG_WERROR], [
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
		[], [enable_werror=no])
	AS_IF([test "$enable_werror" != no], [WERROR_CFLAGS=-Werror])
	AC_SUBST([WERROR_CFLAGS])
])

dnl Undefined behaviour ends the program, or a test that meets it would pass.
AC_DEFUN([EBPF_ARG_SANITIZERS], [
	AC_ARG_ENABLE([sanitizers],
		[AS_HELP_STRING([--enable-sanitizers],
			[build with the address and undefined behaviour sanitizers])],
		[], [enable_sanitizers=no])
	AS_IF([test "$enable_sanitizers" != no], [
		SANITIZER_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
		SANITIZER_CFLAGS="$SANITIZER_CFLAGS -fno-omit-frame-pointer"
	])
	AC_SUBST([SANITIZER_CFLAGS])
])

dnl Sets WARNING_CFLAGS to those of the warnings we want that this compiler knows. Members that a row
dnl of a table leaves out are meant to be 0; clang warns of more of them than gcc.
AC_DEFUN([EBPF_COMPILER_WARNINGS], [
	WARNING_CFLAGS=
	m4_foreach_w([flag], [-Wall -Wextra -Wformat=2 -Wmissing-prototypes -Wpointer-arith
			      -Wshadow -Wstrict-prototypes -Wundef -Wvla
			      -Wno-missing-field-initializers], [
		AC_MSG_CHECKING([whether $CC accepts flag])
		saved_CFLAGS=$CFLAGS
		# -Werror: clang only warns of a warning that it does not know
		CFLAGS="$CFLAGS -Werror flag"
		AC_COMPILE_IFELSE([AC_LANG_SOURCE([int x;])], [
			WARNING_CFLAGS="$WARNING_CFLAGS flag"
			AC_MSG_RESULT([yes])
		], [AC_MSG_RESULT([no])])
		CFLAGS=$saved_CFLAGS
	])
	AC_SUBST([WARNING_CFLAGS])
])

dnl Some distributions keep libc.a in a package of its own. The helpers of the live tests are
dnl static, so that they run in any container, but they are no reason to fail a build.
AC_DEFUN([EBPF_CHECK_STATIC_PROGRAMS], [
	AC_MSG_CHECKING([whether programs can be linked statically])
	saved_LDFLAGS=$LDFLAGS
	LDFLAGS="$LDFLAGS -static"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("");]])], [
		STATIC_LDFLAGS=-all-static # libtool's word for -static
		AC_MSG_RESULT([yes])
	], [
		STATIC_LDFLAGS=
		AC_MSG_RESULT([no])
	])
	LDFLAGS=$saved_LDFLAGS
	AC_SUBST([STATIC_LDFLAGS])
])

dnl Sets CC32: a command that makes programs without a C library for the architecture whose table of
dnl calls the host's kernel has for 32-bit programs; empty when there is none. clang is taken only where
dnl it makes the BPF programs, too: who builds from a release tarball need not have it.
AC_DEFUN([EBPF_PROG_CC32], [
	AC_ARG_VAR([CC32], [compiler and linker of 32-bit programs, for live tests])
	AS_CASE([$host_cpu],
		[x86_64], [candidates="$CC -m32
gcc -m32
$CLANG -m32 -fuse-ld=lld"
			cc32_predefines=__i386__],
		[aarch64*], [candidates="arm-linux-gnueabihf-gcc -marm
$CLANG --target=arm-linux-gnueabihf -marm -fuse-ld=lld"
			cc32_predefines=__arm__],
		[candidates= cc32_predefines=])
	AS_IF([test -n "$CC32"], [candidates=$CC32])
	CC32=
	AC_MSG_CHECKING([for a compiler of 32-bit programs])
	cat >conftest.c <<EOF
#include <stdint.h>
#ifndef $cc32_predefines
#error "not for 32-bit programs of $host_cpu"
#endif
void _start(void);
void _start(void) { for (volatile uint64_t n = sizeof(int@<:@sizeof(void *) == 4 ? 1 : -1@:>@);; n++); }
EOF
	CC32_CFLAGS="-ffreestanding -nostdlib -static -fno-pie -fno-stack-protector"
	saved_IFS=$IFS
	IFS='
'
	for candidate in $candidates; do
		IFS=$saved_IFS
		# Without a clang, its line begins with an option.
		AS_CASE([$candidate], [-*|' '*], [continue])
		AS_IF([$candidate $CC32_CFLAGS -o conftest.32 conftest.c >&AS_MESSAGE_LOG_FD 2>&1],
			[CC32=$candidate; break])
	done
	IFS=$saved_IFS
	rm -f conftest.c conftest.32
	AC_MSG_RESULT([${CC32:-none}])
	AC_SUBST([CC32_CFLAGS])
	AM_CONDITIONAL([HAVE_CC32], [test -n "$CC32"])
])
