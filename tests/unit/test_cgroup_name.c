/* SPDX-License-Identifier: GPL-2.0-only */
#include "cgroup_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "identifier.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Two container ids, a pod's uid, and paths that many rows begin with. */
#define ID "3f4a9d0b7c1e5a6b8c2d4e6f8091a2b3c4d5e6f708192a3b4c5d6e7f80911223"
#define ID2 "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define UID "8e1d3c5a-2b4f-4c6d-9e8f-0a1b2c3d4e5f"
#define POD_SLICE                                                            \
	"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8e1" \
	"d3c5a_2b4f_4c6d_9e8f_0a1b2c3d4e5f.slice"
#define POD_DIR "/kubepods/burstable/pod" UID
#define USER "/user.slice/user-1000.slice/user@1000.service"

struct row {
	const char *path;  /* the group's own */
	const char *below; /* what follows and still belongs to the group */
	const char *name;
};

static const struct row rows[] = {
	{ "/", "", "root" },

	/* docker */
	{ "/system.slice/docker-" ID ".scope", "", "docker-3f4a9d0b7c1e" },
	{ "/system.slice/docker-" ID ".scope", "/init.scope", "docker-3f4a9d0b7c1e" },
	{ "/system.slice/docker-" ID ".scope", "/system.slice/nginx.service",
	  "docker-3f4a9d0b7c1e" },
	{ "/docker/" ID, "", "docker-3f4a9d0b7c1e" },
	{ "/docker/" ID, "/docker/" ID2, "docker-3f4a9d0b7c1e" },
	{ "/docker/" ID, POD_DIR "/" ID2, "docker-3f4a9d0b7c1e" },
	{ "/docker/" ID,
	  "/kubelet.slice/kubelet" POD_SLICE "/cri-containerd-" ID2 ".scope",
	  "docker-3f4a9d0b7c1e" },
	{ "/ecstasks.slice/ecstasks-4d5e6f.slice/docker-" ID ".scope", "",
	  "docker-3f4a9d0b7c1e" },
	{ POD_SLICE "/docker-" ID ".scope", "", "docker-3f4a9d0b7c1e" },
	{ USER "/user.slice/docker-" ID ".scope", "", "docker-3f4a9d0b7c1e" },
	{ "/system.slice/docker.service/system.slice:docker:" ID, "",
	  "docker-3f4a9d0b7c1e" },
	{ "/system.slice/docker.service", "", "docker.service" },
	{ "/system.slice/docker-registry.scope", "", "docker-registry.scope" },

	/* containerd, by itself and below kubernetes */
	{ POD_SLICE "/cri-containerd-" ID ".scope", "", "containerd-3f4a9d0b7c1e" },
	{ POD_SLICE "/cri-containerd-" ID ".scope", "/docker/" ID2,
	  "containerd-3f4a9d0b7c1e" },
	{ POD_DIR "/" ID, "", "containerd-3f4a9d0b7c1e" },
	{ POD_DIR "/" ID, "/inner", "containerd-3f4a9d0b7c1e" },
	{ "/kubepods/pod" UID "/" ID, "", "containerd-3f4a9d0b7c1e" },
	{ "/kubelet/kubepods/besteffort/pod" UID "/" ID, "", "containerd-3f4a9d0b7c1e" },
	{ "/system.slice/nerdctl-" ID ".scope", "", "containerd-3f4a9d0b7c1e" },
	{ "/default/" ID, "", "containerd-3f4a9d0b7c1e" },
	{ "/k8s.io/" ID, "", "containerd-3f4a9d0b7c1e" },
	{ "/system.slice/containerd.service/kubepods-burstable-pod8e1d3c5a_2b4f_4c6d_9e8f_"
	  "0a1b2c3d4e5f.slice:cri-containerd:" ID,
	  "", "containerd-3f4a9d0b7c1e" },
	{ "/kubepods-besteffort-pod8e1d3c5a.slice:cri-containerd:" ID, "",
	  "containerd-3f4a9d0b7c1e" },
	{ "/system.slice/containerd.service", "", "containerd.service" },
	{ POD_SLICE, "",
	  "kubepods-burstable-pod8e1d3c5a_2b4f_4c6d_9e8f_0a1b2c3d4e5f.slice" },
	{ POD_DIR, "", "kubepods-burstable-pod" UID },

	/* CRI-O */
	{ POD_SLICE "/crio-" ID ".scope", "", "crio-3f4a9d0b7c1e" },
	{ POD_SLICE "/crio-" ID ".scope", "/container", "crio-3f4a9d0b7c1e" },
	{ POD_DIR "/crio-" ID, "", "crio-3f4a9d0b7c1e" },
	{ "/system.slice/crio.service/kubepods-pod8e1d3c5a.slice:crio:" ID, "",
	  "crio-3f4a9d0b7c1e" },
	{ POD_SLICE "/crio-conmon-" ID ".scope", "", "crio-conmon-" ID ".scope" },
	{ "/system.slice/crio.service", "", "crio.service" },

	/* podman, of root and of users */
	{ "/machine.slice/libpod-" ID ".scope", "", "podman-3f4a9d0b7c1e" },
	{ "/machine.slice/libpod-" ID ".scope", "/container", "podman-3f4a9d0b7c1e" },
	{ "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", "",
	  "podman-3f4a9d0b7c1e" },
	{ "/machine.slice/machine-libpod_pod_" ID2 ".slice", "",
	  "machine-libpod_pod_" ID2 ".slice" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "", "libpod-conmon-" ID ".scope" },
	{ USER "/user.slice/libpod-" ID ".scope", "", "podman-3f4a9d0b7c1e" },
	{ USER "/user.slice/libpod-" ID ".scope", "/container", "podman-3f4a9d0b7c1e" },
	{ USER "/user.slice/user-libpod_pod_" ID2 ".slice/libpod-" ID ".scope",
	  "/container", "podman-3f4a9d0b7c1e" },
	{ USER "/user.slice/libpod-conmon-" ID ".scope", "",
	  "user-1000-libpod-conmon-" ID ".scope" },
	{ "/libpod_parent/libpod-" ID, "", "podman-3f4a9d0b7c1e" },
	{ "/libpod_parent/" ID2 "/libpod-" ID, "/ctr", "podman-3f4a9d0b7c1e" },
	{ "/libpod_parent/conmon", "", "libpod_parent-conmon" },
	{ "/system.slice/web.service/libpod-payload-" ID, "", "podman-3f4a9d0b7c1e" },
	{ "/system.slice/web.service", "/runtime", "web.service" },

	/* LXC, LXD, Incus */
	{ "/lxc.payload.web-1", "", "lxc-web-1" },
	{ "/lxc.payload.web-1", "/system.slice/nginx.service", "lxc-web-1" },
	{ "/lxc.payload.shop_web", "/init.scope", "lxc-shop_web" },
	{ "/lxc.payload/web", "/ns", "lxc-web" },
	{ "/lxc/101", "", "lxc-101" },
	{ "/lxc/101", "/docker/" ID, "lxc-101" },
	{ USER "/app.slice/lxc.payload.web", "", "lxc-web" },
	{ "/lxc.monitor.web-1", "", "lxc.monitor.web-1" },
	{ "/lxc.monitor/101", "", "lxc.monitor-101" },
	{ "/lxc", "", "lxc" },
	{ "/lxc.payload.", "", "lxc.payload." },

	/* systemd-nspawn, libvirt */
	{ "/machine.slice/machine-web.scope", "", "machine-web" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "", "machine-qemu-1-vm" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "/libvirt/emulator",
	  "machine-qemu-1-vm" },
	{ "/machine.slice/machine-prod.slice/machine-qemu\\x2d12\\x2ddb.scope", "",
	  "machine-qemu-12-db" },
	{ "/machine.slice/systemd-nspawn@web.service", "", "machine-web" },
	{ "/machine.slice/systemd-nspawn@web-1.service",
	  "/payload/system.slice/cron.service", "machine-web-1" },
	{ "/machine/qemu-1-vm.libvirt-qemu", "/vcpu0", "machine-qemu-1-vm" },
	{ "/system.slice/machine-learning.scope", "", "machine-learning.scope" },
	{ "/machine.slice/machine-a\\x2fb.scope", "", "machine-a_b-6dda5045" },
	{ "/machine.slice/machine-a\\x00\\xg1\\x2.scope", "",
	  "machine-a_x00_xg1_x2-bc4a2096" },

	/* systemd */
	{ "/init.scope", "", "init.scope" },
	{ "/system.slice/nginx.service", "", "nginx.service" },
	{ "/system.slice/nginx.service", "/workers/1", "nginx.service" },
	{ "/system.slice/systemd-udevd.service", "/udev", "systemd-udevd.service" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "",
	  "getty@tty1.service" },
	{ "/system.slice/k3s.service", "", "k3s.service" },
	{ "/system.slice/dbus.socket", "", "dbus.socket" },
	{ "/dev-mqueue.mount", "", "dev-mqueue.mount" },
	{ "/system.slice/-.mount", "", "-.mount" },
	{ "/system.slice/swapfile.swap", "", "swapfile.swap" },
	{ "/system.slice/dev-vda\\x2d1.swap", "", "dev-vda_x2d1.swap-f8b5346e" },
	{ "/user.slice/user-1000.slice/session-3.scope", "", "session-3.scope" },
	{ "/user.slice/user-1000.slice/session-3.scope", "/a.service",
	  "session-3.scope" },
	{ "/system.slice", "", "system.slice" },
	{ "/user.slice/user-1000.slice", "", "user-1000.slice" },

	/* a user's manager */
	{ USER, "", "user@1000.service" },
	{ USER, "/delegated/x.service", "user@1000.service" },
	{ USER "/init.scope", "", "user-1000-init.scope" },
	{ USER "/dbus.service", "", "user-1000-dbus.service" },
	{ USER "/app.slice/pipewire.service", "/sub", "user-1000-pipewire.service" },
	{ USER "/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope", "",
	  "user-1000-vte-spawn-1.scope" },
	{ USER "/app.slice", "", "user-1000-app.slice" },
	{ "/user.slice/user-alice.slice/user@alice.service", "/init.scope",
	  "user@alice.service" },
	{ "/user.slice/user-0.slice/user@.service", "/init.scope", "user@.service" },

	/* any other */
	{ "/mycontainer", "", "mycontainer" },
	{ "/a/b", "", "a-b" },
	{ "//a//b", "", "a-b" },
	{ "a/b", "", "a-b" },
	{ "/system.slice/made-by-hand", "", "system.slice-made-by-hand" },
	{ "/mycontainer/system.slice/cron.service", "/sub",
	  "mycontainer-system.slice-cron.service" },
	{ "/.service", "", ".service" },
	{ "/.slice", "", ".slice" },
	{ "/jobs/" ID, "", "jobs-" ID },
	{ "/" ID, "", ID },
	{ "/my jobs/1", "", "my_jobs-1-7d729e87" },
	{ "/..", "", "..-a3d4a70d" },

	/* names that mean something else */
	{ "/root", "", "root-bd81360a" },
	{ "/host", "", "host-267f9248" },
	{ "/other", "", "other-e66e56fc" },
	{ "/self", "", "self-4ac792d8" },
};

static void paths_have_names_and_prefixes(void **state)
{
	char path[512], name[IDENTIFIER_PART_MAX + 1];
	int failures = 0;

	(void)state;
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		size_t length;

		snprintf(path, sizeof(path), "%s%s", row->path, row->below);
		length = cgroup_group_name(path, name, sizeof(name));
		if (!strcmp(name, row->name) && length == strlen(row->path))
			continue;
		print_error("%s\n\tis %s (%zu), should be %s (%zu)\n", path, name, length,
			    row->name, strlen(row->path));
		failures++;
	}
	assert_int_equal(failures, 0);
}

/* What the maps know of a group is its own cgroup or any below: all must agree. */
static void prefix_names_the_same_group(void **state)
{
	char path[512], name[IDENTIFIER_PART_MAX + 1];

	(void)state;
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		snprintf(path, sizeof(path), "%s", row->path);
		assert_int_equal(cgroup_group_name(path, name, sizeof(name)),
				 strlen(path));
		assert_string_equal(name, row->name);
	}
}

static void empty_path_is_the_root(void **state)
{
	char name[IDENTIFIER_PART_MAX + 1];

	(void)state;
	assert_int_equal(cgroup_group_name("", name, sizeof(name)), 0);
	assert_string_equal(name, "root");
}

static void long_paths_keep_their_last_elements(void **state)
{
	static const char *const path = "/" ID "/jobs/" ID2 "/0123456789/task";
	char text[sizeof(ID2) + 64], name[IDENTIFIER_PART_MAX + 1];
	char expected[IDENTIFIER_PART_MAX + 1];

	(void)state;
	snprintf(text, sizeof(text), "jobs-%s-0123456789-task", ID2);
	identifier_part_hashed(text, path, expected, sizeof(expected));
	assert_int_equal(cgroup_group_name(path, name, sizeof(name)), strlen(path));
	assert_string_equal(name, expected);
	assert_memory_equal(name, text, strlen(text));

	/* The hash is the group's, not the one of what is below it. */
	identifier_part_hashed("jobs-" ID2 "-x.service", "/" ID "/jobs/" ID2 "/x.service",
			       expected, sizeof(expected));
	cgroup_group_name("/" ID "/jobs/" ID2 "/x.service/below", name, sizeof(name));
	assert_string_equal(name, expected);
}

static void long_elements_are_cut_with_a_hash(void **state)
{
	char path[300] = "/a/", other[300] = "/b/";
	char name[IDENTIFIER_PART_MAX + 1], other_name[IDENTIFIER_PART_MAX + 1];

	(void)state;
	memset(path + 3, 'x', 255);
	memset(other + 3, 'x', 255);
	assert_int_equal(cgroup_group_name(path, name, sizeof(name)), 258);
	assert_int_equal(strlen(name), IDENTIFIER_PART_MAX);
	assert_memory_equal(name, "xxx", 3);
	cgroup_group_name(other, other_name, sizeof(other_name));
	assert_string_not_equal(name, other_name);

	memcpy(path + 250, ".service", sizeof(".service"));
	cgroup_group_name(path, name, sizeof(name));
	assert_int_equal(strlen(name), IDENTIFIER_PART_MAX);
}

static void check_part(const char *name)
{
	char part[IDENTIFIER_PART_MAX + 1];

	assert_false(identifier_part(name, part, sizeof(part)));
}

/* Paths put together at random from what the table looks for, always the same ones. */
static void any_path_has_a_legal_name(void **state)
{
	static const char *const pieces[] = {
		"/",	    "/",      "/",	   "docker-",
		"docker",   ID,	      ".scope",	   "libpod-",
		"lxc",	    ".slice", "a b",	   "machine.slice/machine-",
		"\\x2d",    "\\x",    "user@1000", ".service",
		"..",	    "\xff",   "x",	   ":crio:",
		"kubepods",
	};
	char path[2048], name[IDENTIFIER_PART_MAX + 1],
		prefix_name[IDENTIFIER_PART_MAX + 1];
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		size_t length = 0;

		for (int n = round % 16; n >= 0; n--) {
			random = random * 1664525u + 1013904223u;
			length += (size_t)snprintf(
				path + length, sizeof(path) - length, "%s",
				pieces[(random >> 16) % ARRAY_SIZE(pieces)]);
		}
		length = cgroup_group_name(path, name, sizeof(name));
		assert_true(length <= strlen(path));
		check_part(name);
		path[length] = '\0';
		assert_int_equal(cgroup_group_name(path, prefix_name, sizeof(name)),
				 length);
		assert_string_equal(name, prefix_name);
	}
}

static void no_size_is_overrun(void **state)
{
	char name[IDENTIFIER_PART_MAX + 1];

	(void)state;
	for (size_t size = 0; size < 40; size++) {
		for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
			name[size] = '!';
			cgroup_group_name(row->path, name, size);
			assert_int_equal(name[size], '!');
		}
	}
}

static void endless_paths_are_survived(void **state)
{
	size_t length = 100000;
	char name[IDENTIFIER_PART_MAX + 1];
	char *path = malloc(length + 1);

	(void)state;
	assert_non_null(path);
	memset(path, 'x', length);
	path[length] = '\0';
	assert_int_equal(cgroup_group_name(path, name, sizeof(name)), length);
	check_part(name);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_have_names_and_prefixes),
		cmocka_unit_test(prefix_names_the_same_group),
		cmocka_unit_test(empty_path_is_the_root),
		cmocka_unit_test(long_paths_keep_their_last_elements),
		cmocka_unit_test(long_elements_are_cut_with_a_hash),
		cmocka_unit_test(any_path_has_a_legal_name),
		cmocka_unit_test(no_size_is_overrun),
		cmocka_unit_test(endless_paths_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
