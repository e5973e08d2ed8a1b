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
