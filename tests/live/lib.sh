# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the live tests share. A test starts with
#
#	. "${0%/*}/lib.sh"
#
# and ends with status 0, 1, or, by skip(), 77. It needs root, a POSIX shell and the usual small
# tools; those of a static busybox will do. Whatever it starts or makes is ended and removed when
# it exits, for whatever reason.
#
# Environment:
#	COLLECTD		the daemon ("collectd")
#	PLUGIN_DIR		where ebpf.so is (.libs of the tree)
#	STOCK_PLUGIN_DIR	where csv.so and the like are (what `collectd -h` says)
#	CAUSE			the program that causes events, a static cause.c
#	REPORT			a file for facts about this kernel, a line each (none)
#	CAUSE32			the same for 32 bits, cause32.c ("${CAUSE}32"); need not be there
#	ASAN_PRELOAD		sanitizer runtimes to preload into the daemon only
#	DISPOSABLE		set: this machine is ours alone; tests may take CPUs away for a
#				while, and change what only a boot sets back
#	LOCK_DOWN		set: lockdown.test may lock the kernel down, after which nothing
#				works here until it boots again
#	KEEP			set: leave the private directory behind, and say where it is

set -u

HERE=$(cd "${0%/*}" && pwd)
COLLECTD=${COLLECTD:-collectd}
PLUGIN_DIR=${PLUGIN_DIR:-$HERE/../../.libs}
STOCK_PLUGIN_DIR=${STOCK_PLUGIN_DIR:-$("$COLLECTD" -h | sed -n 's/^ *Plugin directory *//p')}
CAUSE=${CAUSE:-$HERE/cause}
CAUSE32=${CAUSE32:-${CAUSE}32}

# shellcheck disable=SC2034
TEST=ebpf-test-$$ # prefix of everything that other processes can see, such as cgroups
CG=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
DIR=$(mktemp -d) || exit 1
MARKER=ebpf-self/duration-read	# a series that ends each read, since it tells how long it took
INTERVAL=1	# of the daemon, in seconds
FAILURES=0
CLEANUP=
DAEMON=
RECEIVERS=	# who is told beside logfile, see start_receivers()
DETAILS=	# see receive_details()
CAUSED= COUNTED=	# families, see expect_any()

#
# Ends
#

# Runs a command when the test ends, the last one given first.
defer()
{
	CLEANUP="$*
$CLEANUP"
}

# A test that has complained has failed, also where it skips the rest.
judge()
{
	case $status in
	0 | 77) [ "$FAILURES" = 0 ] || status=1 ;;
	esac
}

on_exit()
{
	status=$?
	trap '' INT TERM
	judge
	if [ "$status" = 1 ] && [ -f "$DIR/log" ]; then
		echo "--- the daemon's log:"
		tail -n 25 "$DIR/log" | cut -c 1-400
		tail -n 25 "$DIR/output" | cut -c 1-400
		if [ -n "${DISPOSABLE:-}" ]; then
			echo "--- the kernel's log:"
			dmesg | tail -n 25 | cut -c 1-200
		fi
	fi
	[ -n "$DAEMON" ] && end_process "$DAEMON"
	eval "$CLEANUP"
	judge
	if [ -n "${KEEP:-}" ]; then
		echo "left behind: $DIR"
	else
		rm -rf "$DIR"
	fi
	exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip()
{
	echo "skip: $*"
	exit 77
}

# A part of the test cannot be done here; the rest goes on.
leave_out()
{
	echo "left out: $*"
}

# The test cannot go on.
give_up()
{
	echo "$*"
	exit 1
}

# The test goes on, so that one run shows all that is wrong.
complain()
{
	echo "$*"
	FAILURES=$((FAILURES + 1))
}

need()
{
	for tool; do
		command -v "$tool" >/dev/null || skip "needs $tool"
	done
}

need_stock_plugin()
{
	for plugin; do
		[ -f "$STOCK_PLUGIN_DIR/$plugin.so" ] || skip "needs collectd's plugin $plugin"
	done
}

# In a chroot, whose root is no mount point, the kernel makes no user namespaces, and neither
# unshare(1) nor a container's runtime gets along.
in_chroot()
{
	! awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo
}

not_in_chroot()
{
	! in_chroot || skip "cannot be done in a chroot"
}

need_cgroup2()
{
	[ -n "$CG" ] || skip "needs a cgroup v2 hierarchy"
}

# before MAJOR MINOR: whether the kernel is older
before()
{
	uname -r | awk -F . -v major="$1" -v minor="$2" '
		{ exit !($1 < major || $1 == major && $2 + 0 < minor) }'
}

[ "$(id -u)" = 0 ] || skip "needs root"
[ -f "$PLUGIN_DIR/ebpf.so" ] || give_up "no ebpf.so in $PLUGIN_DIR"
[ -x "$CAUSE" ] || give_up "no $CAUSE"

#
# Processes
#

nap()
{
	sleep 0.1
}

# Whether the process has ended, be it that nobody has waited for it yet.
gone()
{
	! [ -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

# await SECONDS COMMAND...: until the command succeeds; fails when it never did.
await()
{
	await_left=$(($1 * 10))
	shift
	until "$@"; do
		[ "$await_left" -gt 0 ] || return 1
		await_left=$((await_left - 1))
		nap
	done
}

# Ends a child of this shell at whatever price.
end_process()
{
	kill -TERM "$1" 2>/dev/null
	await 5 gone "$1" || kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

#
# Cgroups
#

# make_cgroup NAME: in the v2 hierarchy; removed in the end.
make_cgroup()
{
	mkdir "$CG/$1" || give_up "cannot make the cgroup $1"
	defer "remove_cgroup '$1'"
}

cgroup_removed()
{
	rmdir "$CG/$1" 2>/dev/null || ! [ -d "$CG/$1" ]
}

# A process that has just been waited for may hold its cgroup for a moment.
remove_cgroup()
{
	await 5 cgroup_removed "$1" || complain "cannot remove the cgroup $1"
}

# cause_in GROUP COMMAND...: one that ends by itself, in a cgroup made before. See cause.c for the
# calls that this is charged with.
cause_in()
{
	cause_group=$1
	shift
	"$CAUSE" enter "$CG/$cause_group" "$@" || complain "cause $* went wrong ($?)"
}

# cause32_in GROUP COMMAND...: the same by the 32-bit program, see cause32.c.
cause32_in()
{
	cause_group=$1
	shift
	"$CAUSE32" enter "$CG/$cause_group" "$@" || complain "cause32 $* went wrong ($?)"
}

need_cause32()
{
	[ -x "$CAUSE32" ] || skip "needs a 32-bit program, see the summary of configure"
	"$CAUSE" runs "$CAUSE32"
	case $? in
	0) ;;
	77) skip "this kernel runs no 32-bit programs" ;;
	*) give_up "$CAUSE32 does not run" ;;
	esac
}

#
# The daemon
#

# The part of the configuration that all tests share. The log comes first, to see all of it.
standard_config()
{
	cat <<-END
	Hostname "h"
	FQDNLookup false
	Interval $INTERVAL
	BaseDir "$DIR"
	PIDFile "$DIR/pid"
	WriteThreads 1
	PluginDir "$STOCK_PLUGIN_DIR"
	LoadPlugin logfile
	<Plugin logfile>
	  LogLevel info
	  File "$DIR/log"
	  PrintSeverity true
	</Plugin>
	LoadPlugin csv
	<Plugin csv>
	  DataDir "$DIR/csv"
	  StoreRates false
	</Plugin>
	PluginDir "$PLUGIN_DIR"
	LoadPlugin ebpf
	PluginDir "$STOCK_PLUGIN_DIR"
	END
	for config_receiver in $RECEIVERS $DETAILS; do
		cat "$DIR/$config_receiver.conf"
	done
}

# daemon_launch [WRAPPER...] <CONFIGURATION: starts the daemon, by way of a command that executes
# its arguments, and does not wait. Its process id is $DAEMON.
daemon_launch()
{
	{
		standard_config
		cat
	} >"$DIR/collectd.conf"
	: >>"$DIR/log"
	if [ -n "${ASAN_PRELOAD:-}" ]; then
		# A leak does not change the status, as it may be the daemon's: see our_leaks().
		set -- "$@" env LD_PRELOAD="$ASAN_PRELOAD" \
			ASAN_OPTIONS='detect_leaks=1 fast_unwind_on_malloc=0 stack_trace_format="    #%n %f %S (%m)"' \
			LSAN_OPTIONS=exitcode=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	fi
	"$@" "$COLLECTD" -f -C "$DIR/collectd.conf" >"$DIR/output" 2>&1 &
	DAEMON=$!
}

daemon_settled()
{
	grep -q 'entering read-loop' "$DIR/log" || gone "$DAEMON"
}

# The same, and waits until all plugins are initialised.
daemon_start()
{
	: >"$DIR/log"
	for start_receiver in $RECEIVERS; do
		: >"$(told_file "$start_receiver")"
	done
	[ -z "$DETAILS" ] || rm -f "$DIR"/details/*
	CAUSED='' COUNTED=''
	daemon_launch "$@"
	await 30 daemon_settled || give_up "the daemon does not come up"
	gone "$DAEMON" && give_up "the daemon ended at once"
}

# daemon_start_without_ring [WRAPPER...]: the same where the kernel has no ring buffer, as before Linux 5.8;
# fails where that cannot be played.
daemon_start_without_ring()
{
	if ! [ -f "${CAUSE%/*}/refuse.so" ]; then
		leave_out "the perf buffer: no refuse.so"
		return 1
	fi
	perf_sanitizers=${ASAN_PRELOAD:-}
	# after the sanitizers, which want to be the first
	ASAN_PRELOAD="${perf_sanitizers:+$perf_sanitizers }${CAUSE%/*}/refuse.so"
	daemon_start env EBPF_REFUSE=ring-buffer "$@"
	ASAN_PRELOAD=$perf_sanitizers
}

# daemon_start_perf [WRAPPER...]: and events are in a perf buffer
daemon_start_perf()
{
	daemon_start_without_ring "$@" || return
	daemon_log info 'events: in a perf buffer' >/dev/null || complain "no perf buffer"
}

# Before Linux 5.11 maps are charged to this limit, which root alone may raise.
no_memlock_limit()
{
	# shellcheck disable=SC3045 # the shells that there are have it
	ulimit -l unlimited 2>/dev/null
}

# What a daemon that is not root needs to count exactly where the kernel preempts programs: tracefs,
# and that nobody holds up the thread that reads.
# shellcheck disable=SC2034
EXACT=bpf,perfmon,dac_read_search,sys_nice

# Has the daemon's files belong to user 65534, as whom `cause nobody` runs it.
for_nobody()
{
	mkdir "$DIR/plugin"
	cp "$PLUGIN_DIR/ebpf.so" "$DIR/plugin" # where it is may be for root alone
	PLUGIN_DIR=$DIR/plugin
	: >"$DIR/log"
	chmod 755 "$DIR"
	chown -R 65534:65534 "$DIR"
	# at 3 Debian's kernels refuse perf events to all who lack CAP_SYS_ADMIN
	nobody_before=$(cat /proc/sys/kernel/perf_event_paranoid)
	[ "$nobody_before" -gt 2 ] || return 0
	[ -n "${DISPOSABLE:-}" ] || skip "would have to lower kernel.perf_event_paranoid"
	defer "echo $nobody_before >/proc/sys/kernel/perf_event_paranoid"
	echo 2 >/proc/sys/kernel/perf_event_paranoid
}

# Complaints that are none about the plugin: of the writers, since RRDs hold whole seconds and two
# reads may fall into the same one; and of the daemon, when the machine has other things to do.
TOLERATE='(rrdtool|write_prometheus|unixsock) plugin: |next interval is .* in the past|above its read interval|value lists? (was|were) left'

# Where the better way is not to be had, a kernel that can be preempted in our programs leaves out some
# runs: that this is told is right.
tolerated()
{
	if grep -qE 'takes [a-z_]* .*but this kernel leaves out runs' "$DIR/log"; then
		echo "$TOLERATE|events were not counted"
	else
		echo "$TOLERATE"
	fi
}

# Has a test accept warnings and errors in the log: it looks at them itself.
expect_complaints()
{
	EXPECT_COMPLAINTS=1
}

# What LeakSanitizer says of memory that the plugin or libbpf took. The daemon loses some of its own,
# and all of our calls come from the daemon: no suppression could tell the two apart.
our_leaks()
{
	awk '
		/^(Direct|Indirect) leak of / { leak = ""; ours = 0; inside = 1 }
		inside { leak = leak $0 "\n" }
		inside && /\/(ebpf|libbpf)\.so/ { ours = 1 }
		/^$/ { if (inside && ours) printf "%s", leak; inside = 0 }
	' "$DIR/output"
}

# What the daemon itself finds wrong with what it is given.
daemon_check()
{
	if grep -E 'ERROR: AddressSanitizer|runtime error:|LeakSanitizer has encountered' \
		"$DIR/output"; then
		complain "a sanitizer found an error"
	fi
	our_leaks >"$DIR/leaks"
	if [ -s "$DIR/leaks" ]; then
		head -n 60 "$DIR/leaks"
		complain "memory is lost"
	fi
	if grep 'Value too old' "$DIR/log"; then
		complain "a value was sent twice"
	fi
	! loses || expect_any
	[ -n "${EXPECT_COMPLAINTS:-}" ] && return
	grep -E '\[(warning|err|error)\]' "$DIR/log" | grep -vE "$(tolerated)" >"$DIR/bad"
	[ -s "$DIR/bad" ] || return 0
	head -n 5 "$DIR/bad"
	complain "the log holds $(wc -l <"$DIR/bad") complaints"
}

# daemon_await_end [STATUS]: "any" where it depends on the kernel whether something came up
daemon_await_end()
{
	await 20 gone "$DAEMON" || give_up "the daemon does not end"
	wait "$DAEMON"
	daemon_status=$?
	DAEMON=
	[ "${1:-0}" = any ] || [ "$daemon_status" = "${1:-0}" ] ||
		complain "the daemon ended with status $daemon_status, not ${1:-0}"
	daemon_check
}

# daemon_stop [STATUS]: as an operator would.
daemon_stop()
{
	kill -TERM "$DAEMON"
	daemon_await_end "$@"
}

# daemon_log SEVERITIES PATTERN: the plugin's own lines, both extended regular expressions.
daemon_log()
{
	grep -E "\[$1\] ebpf plugin: " "$DIR/log" | grep -E "$2"
}

#
# Who is told
#

# Has the daemons that are started from now on tell others than logfile, too, as far as they are there:
# nagios in its command file, and a second daemon by way of the network plugin. expect_told looks there.
start_receivers()
{
	if [ -f "$STOCK_PLUGIN_DIR/notify_nagios.so" ]; then
		cat >"$DIR/notify_nagios.conf" <<-END
		LoadPlugin notify_nagios
		<Plugin notify_nagios>
		  CommandFile "$(told_file notify_nagios)"
		</Plugin>
		END
		RECEIVERS=notify_nagios
	else
		leave_out "nagios: no notify_nagios.so"
	fi
	if [ -f "$STOCK_PLUGIN_DIR/network.so" ]; then
		start_central
		RECEIVERS="$RECEIVERS network"
	else
		leave_out "the central daemon: no network.so"
	fi
}

# It writes what it gets as the first one does, below $DIR/central.
start_central()
{
	central_port=$((20000 + $$ % 10000))
	mkdir "$DIR/central"
	cat >"$DIR/network.conf" <<-END
	LoadPlugin network
	<Plugin network>
	  Server "127.0.0.1" "$central_port"
	</Plugin>
	END
	cat >"$DIR/central.conf" <<-END
	Hostname "central"
	FQDNLookup false
	BaseDir "$DIR/central"
	PIDFile "$DIR/central/pid"
	PluginDir "$STOCK_PLUGIN_DIR"
	LoadPlugin logfile
	<Plugin logfile>
	  File "$DIR/central/log"
	</Plugin>
	LoadPlugin csv
	<Plugin csv>
	  DataDir "$DIR/central/csv"
	  StoreRates false
	</Plugin>
	LoadPlugin network
	<Plugin network>
	  Listen "127.0.0.1" "$central_port"
	</Plugin>
	END
	"$COLLECTD" -f -C "$DIR/central.conf" >"$DIR/central/output" 2>&1 &
	central=$!
	defer "end_process $central"
	await 20 grep -q 'entering read-loop' "$DIR/central/log" || give_up "no central daemon"
}

# expect_central SERIES N: what the second daemon has been sent comes to be N, where there is one
expect_central()
{
	case " $RECEIVERS " in
	*" network "*) ;;
	*) return ;;
	esac
	await 30 central_has "$1" "$2" || complain "the central daemon has of $1 $(central_last "$1"), not $2"
}

central_last()
{
	(DIR=$DIR/central && last "$1")
}

central_has()
{
	[ "$(central_last "$1")" = "$2" ]
}

# Has the daemons started from now on hand over each notification to a program, which keeps it for
# expect_details: what nobody else shows are the details. The exec plugin runs none as root.
receive_details()
{
	if ! [ -f "$STOCK_PLUGIN_DIR/exec.so" ] || ! id nobody >/dev/null 2>&1; then
		leave_out "details: needs collectd's plugin exec and a user nobody"
		return 1
	fi
	chmod 755 "$DIR"
	mkdir "$DIR/details"
	chown nobody "$DIR/details"
	printf '#!/bin/sh\ncat >"%s/details/$$"\n' "$DIR" >"$DIR/keep-details"
	chmod 755 "$DIR/keep-details"
	cat >"$DIR/exec.conf" <<-END
	LoadPlugin exec
	<Plugin exec>
	  NotificationExec "nobody" "$DIR/keep-details"
	</Plugin>
	END
	DETAILS=exec
}

#
# How programs are attached
#

# report WORDS...: for a table of kernels
report()
{
	echo "$*" >>"${REPORT:-/dev/null}"
}

# As a wrapper of daemon_start: has tracefs mounted, for the daemon alone where it is not yet.
with_tracefs()
{
	cat >"$DIR/with-tracefs" <<-'END'
	mount --make-rprivate /sys 2>/dev/null
	[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing || :
	exec "$@"
	END
	# in a chroot / is no mount that could be made private; busybox, in guests, cannot leave it
	with_propagation=
	! in_chroot || with_propagation="--propagation unchanged"
	echo "unshare -m $with_propagation sh $DIR/with-tracefs"
}

# took FAMILY: notes the way that was taken, which the daemon must have told once.
took()
{
	took_lines=$(daemon_log info "$1: takes " | sed "s/.*$1: takes //")
	case $took_lines in
	'') complain "it is not told how $1 was attached" ;;
	*"$1: takes"*) complain "told more than once: $took_lines" ;;
	tp_btf* | raw_tp\ \(not* | fexit* | kretprobe+*\ \(not* | tracepoint\ \(not*) ;;
	*) complain "$1: no reason why no cheaper way was taken: $took_lines" ;;
	esac
	report took "$1" "${took_lines%% *}"
	echo "$1: $took_lines"
	took_way=${took_lines%% *} took_exact=yes cheapest=
	! loses || took_exact=
}

# expect_cheapest HOOK: that was asked for after `took`, and works. The first such in the order of cost is
# what is taken by itself, but what leaves out no runs comes before it.
expect_cheapest()
{
	if [ -n "$cheapest" ] || [ -z "$took_exact" ] || loses; then
		return
	fi
	cheapest=$1
	[ "${took_way%%+*}" = "${1%%+*}" ] || complain "$1 works, but by itself it takes $took_way"
}

# asked_of CONFIGURATION: what the plugin says in refusing it. It complains, so after expect_complaints.
asked_of()
{
	: >"$DIR/log"
	daemon_launch <<-END
	<Plugin ebpf>
	$1
	</Plugin>
	END
	daemon_await_end 1
}

# hooks_of BLOCK: $hooks are the ways that its option Hook knows, but for "auto", so that a test leaves
# none out.
hooks_of()
{
	asked_of "<$1>
	Hook \"?\"
	</$1>"
	hooks=$(sed -n 's/.* Hook "?": must be one of "auto", //p' "$DIR/log" | tr -d '",')
	[ -n "$hooks" ] || give_up "it is not told what Hook may be in $1"
}

# report_doors: all the ways of all blocks, as the plugin names them. The table of kernels lacks none of
# these.
report_doors()
{
	asked_of "NoSuchOption 1"
	blocks=$(sed -n 's/.* unknown option; allowed are //p' "$DIR/log" | tr ',' '\n' | tr -d ' ' | sed -n 's/^<\(.*\)>$/\1/p')
	[ -n "$blocks" ] || give_up "it is not told which blocks there are"
	for block in $blocks; do
		hooks_of "$block"
		for hook in $hooks; do
			report asked "$(echo "$block" | tr '[:upper:]' '[:lower:]')" "$hook"
		done
	done
}

# is_refused HOOK FAMILY...: whether this kernel does not grant a way that was asked for. It must be
# the kernel's lack, not a fault in our programs.
is_refused()
{
	refused_hook=$1
	shift
	if daemon_log '(warning|err|error)' ' off[:,]'; then
		daemon_log '(warning|err|error)' 'verifier' &&
			complain "$refused_hook is refused by the verifier"
		for refused_family; do
			# with all of them off, the groups are not told apart
			daemon_log '(warning|err|error)' "(all families are|$refused_family:) off[:,]" \
				>/dev/null || complain "$refused_family takes $refused_hook, others do not"
			report door "$refused_family" "$refused_hook" refused
		done
		# what all kernels of the matrix have; here may be another one
		case ${DISPOSABLE:+$refused_hook} in
		tp_btf | raw_tp | tracepoint | kretprobe*) complain "$refused_hook is refused" ;;
		fexit)
			if [ "$(uname -m)" != aarch64 ] || ! before 6 12; then
				complain "$refused_hook is refused"
			fi
			;;
		esac
		return 0
	fi
	for refused_family; do
		daemon_log info "$refused_family: takes $(echo "$refused_hook" | sed 's/+/[+]/')(\\+[a-z_]+)?( \((but|though) |\$)" >/dev/null ||
			complain "$refused_family does not take $refused_hook"
		report door "$refused_family" "$refused_hook" works
	done
	return 1
}

#
# Values, as the csv plugin wrote them. A series is named as on disk: ebpf-host/operations-syscall
#

# Lines "TIME,VALUE", the oldest first.
values()
{
	for values_file in "$DIR/csv/h/$1"-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]; do
		[ -f "$values_file" ] && sed 1d "$values_file"
	done
}

# Its last value, an empty string when there is none.
last()
{
	values "$1" | sed -n '$ { s/.*,//; s/\.0*$//; p; }'
}

last_time()
{
	values "$1" | sed -n '$ s/,.*//p'
}

first()
{
	values "$1" | sed -n '1 { s/.*,//; s/\.0*$//; p; }'
}

first_time()
{
	values "$1" | sed -n '1 s/,.*//p'
}

# The names of all series that a shell pattern matches.
series()
{
	(
		cd "$DIR/csv/h" 2>/dev/null || exit 0
		# shellcheck disable=SC2086
		ls -d $1-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] 2>/dev/null
	) | sed 's/-[0-9]*-[0-9]*-[0-9]*$//' | sort -u
}

# The sum of the last values of all series that a shell pattern matches.
sum_last()
{
	for sum_series in $(series "$1"); do
		last "$sum_series"
	done | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

count_lines()
{
	values "$1" | wc -l
}

has_lines()
{
	[ "$(count_lines "$1")" -ge "$2" ]
}

has_lines_or_gone()
{
	has_lines "$1" "$2" || gone "$DAEMON"
}

# wait_lines SERIES N: until N new values have been written.
wait_lines()
{
	wait_goal=$(($(count_lines "$1") + $2))
	await $(($2 * 2 + 20)) has_lines_or_gone "$1" "$wait_goal"
	has_lines "$1" "$wait_goal" && return
	gone "$DAEMON" && give_up "the daemon died"
	give_up "no new values of $1"
}

# Until N reads have been written.
wait_reads()
{
	wait_lines "$MARKER" "$1"
}

read_in_second()
{
	settle_last=$(last_time "$MARKER")
	[ "${settle_last%.*}" -ge "$1" ] 2>/dev/null || gone "$DAEMON"
}

# Until what happened before this call has been read and written: until the values of a read are
# there that began in a later second, since values bear the time at which their read began. Not
# every date(1) tells fractions.
settle()
{
	await 25 read_in_second $(($(date +%s) + 1)) || give_up "no new values of $MARKER"
	gone "$DAEMON" && give_up "the daemon died"
	return 0
}

# told MESSAGE [SEVERITY]: the number of notifications that say so, as logfile writes them: both are
# extended regular expressions.
told()
{
	told_by logfile "$@"
}

told_file()
{
	case $1 in
	logfile) echo "$DIR/log" ;;
	network) echo "$DIR/central/log" ;;
	notify_nagios) echo "$DIR/nagios-commands" ;;
	esac
}

# told_by RECEIVER MESSAGE [SEVERITY]: the same of any of them
told_by()
{
	case $1 in
	notify_nagios)
		case ${3:-} in
		'') told_severity="[0-2]" ;;
		OKAY) told_severity=0 ;;
		WARNING) told_severity=1 ;;
		FAILURE) told_severity=2 ;;
		esac
		told_line="PROCESS_SERVICE_CHECK_RESULT;h;ebpf-[^;]*;$told_severity;($2)"
		;;
	*) told_line="Notification: severity = (${3:-.*}), host = h, plugin = ebpf, .* message = ($2)" ;;
	esac
	grep -cE "$told_line\$" "$(told_file "$1")"
}

told_times_by()
{
	[ "$(told_by "$2" "$3" "${4:-}")" -ge "$1" ]
}

told_so_many()
{
	[ "$(grep 'Notification: .* plugin = ebpf, ' "$DIR/log" |
		grep -vc ' type_instance = held-back-')" -ge "$1" ] || gone "$DAEMON"
}

# The same until the events of before this call are told: those that had passed at a read are told in
# the order in which they came.
settle_told()
{
	settle
	settle_passed=$(sum_last 'ebpf-self/total_events-notified-*')
	await 60 told_so_many "$settle_passed" || give_up "$settle_passed events are not all told"
	gone "$DAEMON" && give_up "the daemon died"
	return 0
}

#
# Expectations
#

# is_right ACTUAL WANTED [SERIES]: the same, or, with a hook of which the kernel leaves out runs, less by no
# more than what is told to be lost. Where a group's beginning is lost, all of its counts are elsewhere; but
# of each family something is counted somewhere, see expect_any().
is_right()
{
	[ "$2" = 0 ] || case ${3:-} in
	*/operations-* | */errors-*)
		right_family=${3##*/} right_family=${right_family#*-}
		CAUSED="$CAUSED ${right_family%%-*}"
		case ${1#none} in
		'' | 0) ;;
		*) COUNTED="$COUNTED ${right_family%%-*}" ;;
		esac
		;;
	esac
	[ "$1" != "$2" ] || return 0
	loses || return 1
	right_lost=$(last ebpf-self/total_events-lost)
	right_least=$(($2 - ${right_lost:-0}))
	case $(last ebpf-self/total_events-missed-groups) in
	0) ;;
	'') complain "nothing tells of missed runs of groups" ;;
	*) right_least=0 ;;
	esac
	right_actual=${1#none}
	[ "${right_actual:-0}" -lt "$2" ] && [ "${right_actual:-0}" -ge $right_least ]
}

# Of each family of which something was expected since the daemon started, something was seen.
expect_any()
{
	for any_family in $CAUSED; do
		case " $COUNTED " in
		*" $any_family "*) ;;
		*) complain "$any_family: nothing of what was caused is counted" && break ;;
		esac
	done
}

# expect SERIES N: its last value; and of a group that the test made, what the central daemon is sent.
expect()
{
	expect_actual=$(last "$1")
	is_right "${expect_actual:-none}" "$2" "$1" ||
		complain "$1: ${expect_actual:-none}, expected $2"
	[ -n "$expect_actual" ] || return 0
	case $1 in
	"ebpf-$TEST"*) expect_central "$1" "$expect_actual" ;;
	esac
}

# expect_from_start SERIES [N]: it is in the first read, and is N there, or whatever it may be.
expect_from_start()
{
	start_time=$(first_time "$1")
	[ "${start_time:-none}" = "$(first_time "$MARKER")" ] ||
		complain "$1 is sent from ${start_time:-no time} on, not from the first read"
	[ "$(first "$1")" = "${2:-$(first "$1")}" ] || complain "$1 begins with $(first "$1"), not $2"
}

# A series that must be 0, or need not be there.
expect_nothing()
{
	expect_actual=$(last "$1")
	[ "${expect_actual:-0}" = 0 ] || complain "$1: $expect_actual, expected none"
}

# The sum of all that a pattern matches.
expect_sum()
{
	expect_actual=$(sum_last "$1")
	is_right "$expect_actual" "$2" "$1" || complain "sum of $1: $expect_actual, expected $2"
}

# note SERIES...: remembers the values for expect_delta. A counter that is not there yet is 0.
note()
{
	for note_series; do
		note_value=$(last "$note_series")
		echo "$note_series ${note_value:-0}" >>"$DIR/noted"
	done
}

noted()
{
	awk -v series="$1" '$1 == series { v = $2 } END { print v }' "$DIR/noted"
}

# expect_delta SERIES N: since note().
expect_delta()
{
	expect_before=$(noted "$1")
	[ -n "$expect_before" ] || give_up "$1 was not noted"
	expect "$1" $((expect_before + $2))
}

# owned_by GROUP: of a message about a namespace, what says whose it is. Looking for that has so much CPU time per
# second, which on an emulated machine is soon spent.
owned_by()
{
	if [ -n "${DISPOSABLE:-}" ]; then
		echo "( of $1)?"
	else
		echo " of $1"
	fi
}

# What the central daemon's socket had no room for since the daemon started.
dropped_packets()
{
	awk -v port="$(printf ':%04X' "${central_port:-0}")" '$2 ~ port "$" { n += $NF } END { print n + 0 }' \
		/proc/net/udp /proc/net/udp6 2>/dev/null
}

# has_dropped RECEIVER SEEN WANTED: less is there than was sent, by no more than the kernel dropped on the way.
has_dropped()
{
	[ "$1" = network ] && [ "$2" -lt "$3" ] && [ $(($2 + $(dropped_packets))) -ge "$3" ] || return
	leave_out "the central daemon: the kernel dropped $(dropped_packets) packets on the way to it"
}

# expect_told N MESSAGE [SEVERITY]: after settle_told, see told().
expect_told()
{
	for told_receiver in logfile $RECEIVERS; do
		[ "$told_receiver" = logfile ] || await 10 told_times_by "$1" "$told_receiver" "$2" "${3:-}"
		told_seen=$(told_by "$told_receiver" "$2" "${3:-}")
		is_right "$told_seen" "$1" || has_dropped "$told_receiver" "$told_seen" "$1" ||
			complain "told $told_seen times by $told_receiver, not $1: $2"
	done
}

# expect_details MESSAGE NAME=VALUE...: after receive_details, that the one notification that says so has
# these, all of them regular expressions, and no other.
expect_details()
{
	await 20 grep -qxE "$1" "$DIR"/details/* 2>/dev/null
	details_file=$(grep -lxE "$1" "$DIR"/details/*)
	[ -f "$details_file" ] || { complain "told $(echo "$details_file" | grep -c .) times, not once: $1"; return; }
	sed '/^$/,$d' "$details_file" | grep -vE '^[A-Z]' >"$DIR/details-seen"
	shift
	for details_want; do
		grep -qxE "${details_want%%=*}: ${details_want#*=}" "$DIR/details-seen" ||
			complain "no $details_want in: $(xargs <"$DIR/details-seen")"
	done
	[ "$(wc -l <"$DIR/details-seen")" = $# ] || complain "more than $*: $(xargs <"$DIR/details-seen")"
}

# expect_told_of GROUP N [TYPE-INSTANCE]: that many notifications are about it, whatever they say, and all of them
# have the type and the type instance of this counter.
expect_told_of()
{
	told_of="Notification: .* plugin_instance = $1,"
	told_seen=$(grep -c "$told_of" "$DIR/log")
	is_right "$told_seen" "$2" || complain "$1 is told $told_seen times, not $2"
	[ -n "${3:-}" ] || return 0
	told_named=$(grep -c "$told_of type = ${3%%-*}, type_instance = ${3#*-}, " "$DIR/log")
	[ "$told_named" = "$told_seen" ] || complain "$1 is told $told_named times of $told_seen as $3"
}

# expect_calls GROUP NAME=N...: these, the one write that enters and the exit_group that leaves
# (see cause.c), and no other call at all. Needs Detail "syscall".
expect_calls()
{
	expect_group=$1
	expect_total=0
	shift
	for expect_call in "$@"; do
		expect "ebpf-$expect_group/operations-syscall-${expect_call%=*}" "${expect_call#*=}"
		expect_total=$((expect_total + ${expect_call#*=}))
	done
	expect_sum "ebpf-$expect_group/operations-syscall-*" "$expect_total"
	expect "ebpf-$expect_group/operations-syscall" "$expect_total"
}

# The same of the calls that failed, without any that are not failures.
expect_errors()
{
	expect_group=$1
	expect_total=0
	shift
	for expect_call in "$@"; do
		expect "ebpf-$expect_group/errors-syscall-${expect_call%=*}" "${expect_call#*=}"
		expect_total=$((expect_total + ${expect_call#*=}))
	done
	expect_sum "ebpf-$expect_group/errors-syscall-*" "$expect_total"
	expect "ebpf-$expect_group/errors-syscall" "$expect_total"
}

# expect_ways GROUP WAY=N...: these of family namespaces ("join-net=3", "fail-clone=1"), no other.
expect_ways()
{
	ways_scope=ebpf-$1
	ways_operations=0
	ways_errors=0
	shift
	for ways_want in "$@"; do
		ways_count=${ways_want#*=}
		case $ways_want in
		fail-*)
			ways_want=${ways_want#fail-}
			expect "$ways_scope/errors-namespace-${ways_want%=*}" "$ways_count"
			ways_errors=$((ways_errors + ways_count))
			;;
		*)
			expect "$ways_scope/operations-namespace-${ways_want%=*}" "$ways_count"
			ways_operations=$((ways_operations + ways_count))
			;;
		esac
	done
	expect_sum "$ways_scope/operations-namespace-*" "$ways_operations"
	expect_sum "$ways_scope/errors-namespace-*" "$ways_errors"
}

# value_lines WHOLE|PART SERIES: lines "TIME,WHOLE|PART,SERIES,VALUE".
value_lines()
{
	values "$2" | sed "s/,/,$1,$(echo "$2" | sed 's/[\/&]/\\&/g'),/"
}

# compare_sums WHAT MARGIN COMMAND...: the command prints value_lines. Complains unless in each read the
# parts' last values so far add up to the whole, to the last call. With a MARGIN other than "none" the whole and
# its parts are not read at the same time: there the sum is not less than the whole of the read before and not
# more than that of the next one, give or take the margin.
compare_sums()
{
	compare_what=$1 compare_margin=$2
	shift 2
	compare_end=$(last_time "$MARKER") # what is newer may be half written when the lines are read
	"$@" | sort -t , -s -n -k 1,1 | awk -F , -v end="$compare_end" -v margin="$compare_margin" '
		# No 64-bit integers in every awk: exact up to 2^53.
		function check(at, sum, least, most) {
			if (sum < least || sum > most)
				printf "at %s: from %.0f to %.0f, its parts %.0f\n", at, least, most, sum
			reads++
		}
		function add() {
			if (whole_time != time)
				return
			if (margin == "none")
				check(time, sum + 0, whole + 0, whole + 0)
			else if (known > 1)
				check(at, sum_then, whole_before - margin, whole + margin)
			known++
			whole_before = whole_then
			at = time
			whole_then = whole
			sum_then = sum + 0
		}
		$1 > end + 0 { exit }
		$1 != time { add(); time = $1 }
		$2 == "WHOLE" { whole = $4; whole_time = time; next }
		# A name that was forgotten and comes back begins at 0.
		{ sum += $4 < last[$3] ? $4 : $4 - last[$3]; last[$3] = $4 }
		END { add(); if (!reads) print "no read to compare" }
	' >"$DIR/differences"
	[ -s "$DIR/differences" ] || return 0
	head -n 5 "$DIR/differences"
	complain "$compare_what"
}

conserved_lines()
{
	value_lines WHOLE "ebpf-host/$1"
	for conserved_scope in $(scopes | grep -vxE 'host|self'); do
		value_lines PART "ebpf-$conserved_scope/$1"
	done
}

# expect_conserved SERIES: in each read, what all groups and "other" have had so far is what the
# host has had. SERIES is without the scope, such as operations-syscall.
expect_conserved()
{
	compare_sums "$1: the groups' sum is not the host's" none conserved_lines "$1"
}

# expect_no_step_back SERIES
expect_no_step_back()
{
	values "$1" | awk -F , -v series="$1" '
		$2 < last { print series ": " last " and then " $2; bad = 1 }
		{ last = $2 }
		END { exit bad }
	' || complain "$1 steps back"
}

# Whether the kernel leaves out programs' runs where it preempts them, while the ways that are safe from
# this were refused.
loses()
{
	daemon_log info 'but this kernel leaves out runs when it is preempted' >/dev/null 2>&1
}

# count_with_loss: up, and what is counted is no more than what happens; what is missing is told.
count_with_loss()
{
	settle
	note ebpf-host/operations-syscall-swapoff
	"$CAUSE" rare 1000 || complain "cause rare went wrong"
	settle
	about_before=$(noted ebpf-host/operations-syscall-swapoff)
	about_count=$(($(last ebpf-host/operations-syscall-swapoff) - about_before))
	about_lost=$(last ebpf-self/total_events-lost)
	if [ $about_count -gt 1000 ] || [ $about_count -lt $((1000 - about_lost)) ]; then
		complain "of 1000 calls $about_count, and $about_lost lost"
	fi
	expect ebpf-self/count-family-syscalls 1
}

# count_about: the same, and the log has the remedy.
count_about()
{
	count_with_loss
	expect ebpf-self/count-family-namespaces 1
	if [ "$about_lost" != 0 ]; then
		wait_reads 1 # values are written before the log is
		daemon_log warning 'not counted.*mount tracefs.*CAP_DAC_READ_SEARCH' >/dev/null ||
			complain "the log does not say what to do against the loss"
	fi
}

# count_exactly NAME: what happens now is counted to the last call, for the host and, where there is
# a cgroup v2 hierarchy, for a group; none may have had the name before.
count_exactly()
{
	exactly_group=$TEST-$1
	settle
	note ebpf-host/operations-syscall-swapoff ebpf-host/operations-namespace-unshare-time
	if [ -n "$CG" ]; then
		make_cgroup "$exactly_group"
		cause_in "$exactly_group" rare 17
		cause_in "$exactly_group" unshare time 9
	else
		"$CAUSE" rare 17 || complain "cause rare went wrong"
		"$CAUSE" unshare time 9 || complain "cause unshare went wrong"
	fi
	settle
	expect_delta ebpf-host/operations-syscall-swapoff 17
	expect_delta ebpf-host/operations-namespace-unshare-time 9
	[ -n "$CG" ] || return 0
	# each write and exit_group, and of each child clone, unshare, exit_group, wait4: see cause.c
	expect "ebpf-$exactly_group/operations-syscall" $((2 + 17 + 2 + 9 * 4))
	expect "ebpf-$exactly_group/errors-syscall" 17
	expect "ebpf-$exactly_group/operations-namespace-unshare-time" 9
}

# count_or_tell NAME: exactly and without a complaint, or, where that cannot be, what is lost is told.
count_or_tell()
{
	if loses; then
		daemon_log info 'but this kernel leaves out runs when it is preempted; [a-z]' >/dev/null ||
			complain "the log does not say what to do that no runs are left out"
		count_about
		return
	fi
	count_exactly "$1"
	tell_complaints=$(daemon_log '(warning|error)' '')
	[ -z "$tell_complaints" ] || complain "$tell_complaints"
}

# Configuration for a test that is not about groups: none where there is no cgroup v2 hierarchy, of
# which the plugin would complain.
groups_if_any()
{
	[ -n "$CG" ] || cat <<-END
	<Plugin ebpf>
	  <Groups>
	    By "none"
	  </Groups>
	</Plugin>
	END
}

# all_off PATTERN [WRAPPER...]: starts the daemon by way of the wrapper, where nothing of the plugin
# can come up, neither what is on by default nor events. One line says that, why, and the remedy; the
# daemon and its other plugins go on.
all_off()
{
	off_pattern=$1
	shift
	expect_complaints
	rm -rf "$DIR/csv"
	daemon_start "$@" <<-END
	LoadPlugin uptime
	LoadPlugin load
	<Plugin ebpf>
	  <Syscalls>
	    Latency false
	  </Syscalls>
	  <Namespaces>
	    Notify false
	  </Namespaces>
	  <OOM>
	    Notify true
	  </OOM>
	  <Processes>
	    Notify true
	  </Processes>
	  <Signals>
	    Notify true
	  </Signals>
	</Plugin>
	END
	wait_lines uptime/uptime 2
	wait_lines load/load 1
	expect_complaint "all families are off: $off_pattern"
	[ -z "$(scopes)" ] || complain "values all the same: $(scopes | xargs)"
	daemon_stop 1 # as collectd ends when a plugin could not be initialised
	EXPECT_COMPLAINTS=
}

# all_work NAME [WRAPPER...]: the same where everything comes up, without a complaint; NAME is for
# count_exactly.
all_work()
{
	work_name=$1
	shift
	rm -rf "$DIR/csv"
	{
		echo LoadPlugin uptime
		groups_if_any
	} >"$DIR/work.conf"
	daemon_start "$@" <"$DIR/work.conf"
	count_exactly "$work_name"
	wait_lines uptime/uptime 1
	expect ebpf-self/count-family-syscalls 1
	expect ebpf-self/count-family-namespaces 1
	daemon_stop
}

# The scopes that values have come with, such as "host".
scopes()
{
	for scopes_directory in "$DIR"/csv/h/ebpf-*; do
		[ -d "$scopes_directory" ] && echo "${scopes_directory##*/ebpf-}"
	done
}

# expect_complaint PATTERN: the plugin has exactly one, and it says this.
expect_complaint()
{
	[ "$(daemon_log '(warning|err|error)' "$1" | wc -l)" = 1 ] ||
		complain "not one complaint of the plugin that says: $1"
	complaints=$(daemon_log '(warning|err|error)' '' | grep -vE "$1" | grep -cvE "$(tolerated)")
	[ "$complaints" = 0 ] || complain "$complaints other complaints of the plugin"
}
