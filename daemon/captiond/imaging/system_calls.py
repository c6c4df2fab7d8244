"""What the decode process may not ask of the kernel, and the numbers that the kernel knows it by.

The numbers are those of x86_64 and of aarch64, None where a machine has not that call; from 424 on they are
the same everywhere.
"""

from collections.abc import Mapping
from types import MappingProxyType

Numbers = tuple[int | None, int | None]


def _everywhere(**numbers: int) -> dict[str, Numbers]:
    return {name: (number, number) for name, number in numbers.items()}


_FILES: dict[str, Numbers] = {
    "open": (2, None),
    "openat": (257, 56),
    "creat": (85, None),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "memfd_create": (319, 279),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    **_everywhere(openat2=437, memfd_secret=447, fchmodat2=452, setxattrat=463, removexattrat=466),
    **_everywhere(file_setattr=469),
}

_MOUNTS: dict[str, Numbers] = {
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "quotactl": (179, 60),
    **_everywhere(open_tree=428, move_mount=429, fsopen=430, fsconfig=431, fsmount=432, fspick=433),
    **_everywhere(mount_setattr=442, quotactl_fd=443, open_tree_attr=467),
}

_NETWORK: dict[str, Numbers] = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
}

_PROCESSES: dict[str, Numbers] = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setrlimit": (160, 164),
    "setns": (308, 268),
    "unshare": (272, 97),
    "personality": (135, 92),
    **_everywhere(pidfd_send_signal=424, pidfd_open=434, pidfd_getfd=438),
    **_everywhere(process_madvise=440, process_mrelease=448),
}

_PRIVILEGES: dict[str, Numbers] = {
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
    "capset": (126, 91),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}

_KERNEL: dict[str, Numbers] = {
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_setup": (206, 0),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "acct": (163, 89),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    **_everywhere(io_uring_setup=425, io_uring_enter=426, io_uring_register=427),
}

_SHARING: dict[str, Numbers] = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}

FORBIDDEN: Mapping[str, Numbers] = MappingProxyType(
    {**_FILES, **_MOUNTS, **_NETWORK, **_PROCESSES, **_PRIVILEGES, **_KERNEL, **_SHARING}
)
"""Never, whatever the arguments are."""

JUDGED: Mapping[str, Numbers] = MappingProxyType(
    {
        "clone": (56, 220),
        "clone3": (435, 435),
        "tgkill": (234, 131),
        "prctl": (157, 167),
        "prlimit64": (302, 261),
        "mmap": (9, 222),
        "mprotect": (10, 226),
        "pkey_mprotect": (329, 288),
        "seccomp": (317, 277),
    }
)
"""By their arguments (`seccomp.py`), or only to make them."""
