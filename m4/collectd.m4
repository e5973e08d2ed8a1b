dnl SPDX-License-Identifier: GPL-2.0-only

dnl Sets COLLECTD_CPPFLAGS. There is no collectd.pc, and upstream installs no plugin headers:
dnl Debian does (collectd-dev); elsewhere a configured source tree serves.
AC_DEFUN([EBPF_COLLECTD_HEADERS], [
	AC_ARG_WITH([collectd-headers],
		[AS_HELP_STRING([--with-collectd-headers=DIR],
			[installed headers, or a configured source tree @<:@/usr/include/collectd@:>@])],
		[], [with_collectd_headers=/usr/include/collectd])
	dir=$with_collectd_headers
	AS_IF([test -f "$dir/src/daemon/plugin.h"],
		[COLLECTD_CPPFLAGS="-DHAVE_CONFIG_H -I$dir/src -I$dir/src/daemon"],
		[COLLECTD_CPPFLAGS="-DHAVE_CONFIG_H -I$dir -I$dir/core -I$dir/core/daemon"])
	AC_SUBST([COLLECTD_CPPFLAGS])

	AC_MSG_CHECKING([for collectd's headers in $dir])
	saved_CPPFLAGS=$CPPFLAGS
	CPPFLAGS="$COLLECTD_CPPFLAGS $CPPFLAGS"
	# confdefs.h and collectd's config.h both define PACKAGE_NAME and friends; that is a
	# warning only, but not one to show
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([
#undef PACKAGE
#undef PACKAGE_BUGREPORT
#undef PACKAGE_NAME
#undef PACKAGE_STRING
#undef PACKAGE_TARNAME
#undef PACKAGE_URL
#undef PACKAGE_VERSION
#undef VERSION
#include "collectd.h"
#include "daemon/plugin.h"
#include "utils/common/common.h"
value_list_t values = VALUE_LIST_INIT;
])],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		 AC_MSG_ERROR([collectd's headers not found or not usable (config.log says why).
Install collectd-dev, or give --with-collectd-headers=DIR, where DIR is collectd's
source tree after its ./configure.])])
	CPPFLAGS=$saved_CPPFLAGS
])

dnl Sets COLLECTD to the daemon of this host, if it has one that ebpf.so could run in.
AC_DEFUN([EBPF_COLLECTD_DAEMON], [
	AS_IF([test "$cross_compiling" = yes],
		[COLLECTD=],
		[AC_PATH_PROG([COLLECTD], [collectd], [],
			[$PATH:/usr/sbin:/usr/local/sbin:/opt/collectd/sbin])])
	AC_SUBST([COLLECTD])
])

dnl Sets plugindir: where the daemon says that it looks.
AC_DEFUN([EBPF_COLLECTD_PLUGINDIR], [
	AC_ARG_WITH([plugindir],
		[AS_HELP_STRING([--with-plugindir=DIR],
			[where ebpf.so goes @<:@what the daemon says, else LIBDIR/collectd@:>@])],
		[plugindir=$with_plugindir],
		[plugindir=
		 AS_IF([test -n "$COLLECTD"], [
			plugindir=$("$COLLECTD" -h 2>/dev/null |
				    sed -n 's/^ *Plugin directory *//p')
		 ])
		 AS_IF([test -z "$plugindir"], [plugindir='${libdir}/collectd'])])
	AC_SUBST([plugindir])
])
