namespace Qwamos.Daemon.Boot;

/// <summary>
/// What one level of KERNEL_HARDENING writes. The settings are those of the kernel's own documentation
/// (Documentation/admin-guide/sysctl, kernel-parameters.txt) that the Kernel Self-Protection Project recommends;
/// docs/guide/boot.md repeats each with its price.
/// </summary>
internal sealed record KernelHardeningLevel(
    string Name, IReadOnlyList<KernelSetting> Settings, IReadOnlyList<KernelParameter> Parameters)
{
    private static readonly KernelSetting[] StrictSettings =
    [
        new("kernel.kptr_restrict", "2", "kernel addresses are hidden from everybody"),
        new("kernel.dmesg_restrict", "1", "the kernel log, which leaks addresses, is root's"),
        new("kernel.randomize_va_space", "2", "full address space randomisation"),
        new("kernel.unprivileged_bpf_disabled", "1", "no BPF programs from users, until the next boot", IsOptional: true),
        new("net.core.bpf_jit_harden", "2", "constants in JIT-compiled BPF are blinded, root's too", IsOptional: true),
        new("kernel.yama.ptrace_scope", "1", "a process may trace only its own children", IsOptional: true),
        new("kernel.kexec_load_disabled", "1", "no other kernel can be loaded over this one", IsOptional: true),
        new("kernel.perf_event_paranoid", "3", "performance counters, a side channel, are root's"),
        new("kernel.io_uring_disabled", "1", "io_uring, a rich attack surface, is for privileged programs", IsOptional: true),
        new("kernel.sysrq", "4", "of the magic keys only the secure attention key is left"),
        new("dev.tty.ldisc_autoload", "0", "users cannot load line disciplines, a source of kernel bugs"),
        new("vm.unprivileged_userfaultfd", "0", "users cannot stall the kernel at a page fault to win races", IsOptional: true),
        new("vm.mmap_min_addr", "65536", "a null pointer of the kernel cannot point at a user's page"),
        new("fs.protected_symlinks", "1", "no following of other users' links in sticky folders"),
        new("fs.protected_hardlinks", "1", "no hard links to files one cannot write"),
        new("fs.protected_fifos", "2", "no writing into other users' FIFOs in sticky folders"),
        new("fs.protected_regular", "2", "no writing into other users' files in sticky folders"),
        new("fs.suid_dumpable", "0", "no core dumps of privileged programs"),
        new("net.ipv4.conf.all.rp_filter", "1", "packets with a forged source are dropped"),
        new("net.ipv4.conf.default.rp_filter", "1", "the same for interfaces that come later"),
        new("net.ipv4.conf.all.accept_redirects", "0", "a neighbour cannot redirect our routes"),
        new("net.ipv4.conf.default.accept_redirects", "0", "the same for interfaces that come later"),
        new("net.ipv4.conf.all.secure_redirects", "0", "nor can a gateway"),
        new("net.ipv4.conf.default.secure_redirects", "0", "the same for interfaces that come later"),
        new("net.ipv4.conf.all.send_redirects", "0", "we redirect nobody"),
        new("net.ipv4.conf.default.send_redirects", "0", "the same for interfaces that come later"),
        new("net.ipv4.conf.all.accept_source_route", "0", "a sender cannot choose its packets' way"),
        new("net.ipv4.conf.default.accept_source_route", "0", "the same for interfaces that come later"),
        new("net.ipv6.conf.all.accept_redirects", "0", "a neighbour cannot redirect our routes", IsOptional: true),
        new("net.ipv6.conf.default.accept_redirects", "0", "the same for interfaces that come later", IsOptional: true),
        new("net.ipv6.conf.all.accept_source_route", "0", "a sender cannot choose its packets' way", IsOptional: true),
        new("net.ipv6.conf.default.accept_source_route", "0", "the same for interfaces that come later", IsOptional: true),
        new("net.ipv4.tcp_syncookies", "1", "a flood of SYN does not fill the table of connections"),
        new("net.ipv4.tcp_rfc1337", "1", "a reset cannot end a connection in TIME-WAIT"),
        new("net.ipv4.icmp_echo_ignore_broadcasts", "1", "we amplify nobody's flood"),
    ];

    private static readonly KernelSetting[] ParanoidSettings =
    [
        new("kernel.yama.ptrace_scope", "3", "nobody traces anybody, root neither, until the next boot", IsOptional: true),
        new("kernel.io_uring_disabled", "2", "io_uring is off for everybody", IsOptional: true),
        new("kernel.sysrq", "0", "no magic keys at all"),
        new("kernel.core_pattern", "|/bin/false", "no core dump is ever written"),
        new("user.max_user_namespaces", "0", "no user namespaces, the door to most recent privilege escalations"),
        new("net.ipv6.conf.all.accept_ra", "0", "a neighbour cannot become our router", IsOptional: true),
        new("net.ipv6.conf.default.accept_ra", "0", "the same for interfaces that come later", IsOptional: true),
    ];

    private static readonly KernelParameter[] StrictParameters =
    [
        new("init_on_alloc=1", "memory is zeroed when given out: nothing uninitialised leaks"),
        new("init_on_free=1", "and when given back: nothing used stays"),
        new("slab_nomerge", "kinds of kernel objects do not share pages: an overflow stays in its kind"),
        new("page_alloc.shuffle=1", "free pages come in random order"),
        new("randomize_kstack_offset=on", "the kernel stack starts elsewhere at each system call"),
        new("vsyscall=none", "no executable page at a fixed address"),
        new("lockdown=integrity", "root cannot change the running kernel: modules must be signed"),
    ];

    private static readonly KernelParameter[] ParanoidParameters =
    [
        new("lockdown=confidentiality", "nor can root read the running kernel's memory"),
        new("module.sig_enforce=1", "unsigned modules are refused even if lockdown is not compiled in"),
        new("mitigations=auto,nosmt", "every mitigation of speculation, hyper-threads off where they leak"),
        new("debugfs=off", "the kernel's debugging files do not exist"),
        new("iommu.strict=1", "a device loses its access to memory at once when it is taken away"),
        new("iommu.passthrough=0", "no device reaches memory past the IOMMU"),
    ];

    public static readonly KernelHardeningLevel Default = new("default", [], []);

    public static readonly KernelHardeningLevel Strict = new("strict", StrictSettings, StrictParameters);

    public static readonly KernelHardeningLevel Paranoid = new("paranoid",
        [.. Without(StrictSettings, ParanoidSettings), .. ParanoidSettings],
        [.. StrictParameters.Where(p => !p.Text.StartsWith("lockdown=", StringComparison.Ordinal)), .. ParanoidParameters]);

    /// <summary>The levels, weakest first.</summary>
    public static readonly IReadOnlyList<KernelHardeningLevel> All = [Default, Strict, Paranoid];

    /// <summary>The level of this name; null when there is none.</summary>
    public static KernelHardeningLevel? Named(string name) => All.FirstOrDefault(level => level.Name == name);

    private static IEnumerable<KernelSetting> Without(KernelSetting[] settings, KernelSetting[] replaced) =>
        settings.Where(setting => replaced.All(other => other.Name != setting.Name));
}
