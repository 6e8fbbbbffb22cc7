using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qwamos.ControlBus.Files;

/// <summary>
/// Landlock (landlock(7)): a program gives up, for good and without being root, what it does not need of the file system. A domain holds for the
/// thread that enters it and for what that thread makes; it survives exec. So <see cref="Confine"/> takes in the two threads that a program of ours
/// has at its start; where there are more, it executes the program anew: then every thread is made inside. Kernels know less the older they are
/// (Debian 12's: ABI 2); what one does not know it does not restrict.
/// </summary>
public static class Landlock
{
    /// <summary>Says to the program executed anew that it is the one, by its process ID, which exec keeps.</summary>
    private const string Marker = "QWAMOS_LANDLOCK";

    private const int ReferAbi = 2;
    private const int TruncateAbi = 3;
    private const int NetworkAbi = 4;
    private const int IoctlAbi = 5;
    private const int ScopeAbi = 6;

    private const ulong Execute = 1 << 0;
    private const ulong WriteFile = 1 << 1;
    private const ulong ReadFile = 1 << 2;
    private const ulong ReadFolder = 1 << 3;
    private const ulong AllOfAbi1 = (1 << 13) - 1;
    private const ulong Refer = 1 << 13;
    private const ulong Truncate = 1 << 14;
    private const ulong IoctlDevice = 1 << 15;
    private const ulong OfFiles = Execute | WriteFile | ReadFile | Truncate | IoctlDevice;
    private const ulong AllOfTcp = 3;
    private const ulong AbstractSockets = 1;
    private const ulong Signals = 2;

    /// <summary>Erratum 2, "scoped signal handling", as a bit.</summary>
    private const long SignalErratum = 1 << 1;

    /// <summary>The kernel's ABI; 0 where there is no Landlock, or it is switched off, or a container forbids it.</summary>
    public static int Abi { get; } = Math.Max(0, (int)Libc.LandlockCreateRuleset(0, 0, Libc.LANDLOCK_CREATE_RULESET_VERSION));

    /// <summary>
    /// Returns in a process whose every thread is confined, with null; or, where the kernel has no Landlock, in one that is not. Before that it may
    /// execute this program anew, with the same arguments and the same process ID: call it before anything is opened or started. A sentence: it cannot
    /// be confined although the kernel can, and must not go on.
    /// </summary>
    /// <param name="rules">All that is allowed. What the program needs to be loaded is added.</param>
    /// <param name="closesNetwork">No TCP, no signals to processes outside, no abstract Unix sockets but the service manager's: where the kernel can.</param>
    public static string? Confine(IEnumerable<LandlockRule> rules, bool closesNetwork)
    {
        var own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        if (Abi == 0) return null;
        if (Environment.GetEnvironmentVariable(Marker) == own)
            return CanListRoot() ? "Landlock is not in force although this process was confined: unset " + Marker : null;
        try
        {
            using var ruleset = Ruleset(rules.Concat(Loading()), closesNetwork);
            Enter(ruleset);
            return EveryThreadEntered(ruleset) ? null : Reexecute(own);
        }
        catch (PosixException e)
        {
            return $"Landlock cannot be brought in force: {e.Message}";
        }
    }

    /// <summary>
    /// Kernels that kept signals from a process's own other threads, each in a domain of its own, say nothing of this erratum; the runtime needs such signals.
    /// </summary>
    private static bool ScopesSignals => Abi >= ScopeAbi && (Libc.LandlockCreateRuleset(0, 0, Libc.LANDLOCK_CREATE_RULESET_ERRATA) is > 0 and var mended) && (mended & SignalErratum) != 0;

    /// <summary>For a person: what is in force.</summary>
    /// <param name="closesNetwork">As to <see cref="Confine"/>.</param>
    public static string Describe(bool closesNetwork) => Abi switch
    {
        0 => "not there: what the service manager confines is all",
        >= ScopeAbi when closesNetwork && ScopesSignals => $"ABI {Abi}: files, TCP, signals",
        >= NetworkAbi when closesNetwork => $"ABI {Abi}: files, TCP",
        _ => $"ABI {Abi}: files",
    };

    /// <summary>What is allowed, as the kernel keeps it. Throws <see cref="PosixException"/>.</summary>
    private static unsafe SafeFileHandle Ruleset(IEnumerable<LandlockRule> rules, bool closesNetwork)
    {
        var handled = AllOfAbi1 | (Abi >= ReferAbi ? Refer : 0) | (Abi >= TruncateAbi ? Truncate : 0) | (Abi >= IoctlAbi ? IoctlDevice : 0);
        var network = closesNetwork && Abi >= NetworkAbi ? AllOfTcp : 0;
        // A manager whose own socket is an abstract one must still be told that the daemon is ready.
        var hasAbstractManager = Environment.GetEnvironmentVariable("NOTIFY_SOCKET")?.StartsWith('@') == true;
        var scoped = closesNetwork && Abi >= ScopeAbi ? (ScopesSignals ? Signals : 0) | (hasAbstractManager ? 0 : AbstractSockets) : 0;
        ReadOnlySpan<ulong> attributes = [handled, network, scoped];
        // A shorter structure to an older kernel, which refuses members that it does not know.
        var length = Abi >= ScopeAbi ? 24 : Abi >= NetworkAbi ? 16 : 8;
        fixed (ulong* first = attributes)
        {
            var ruleset = new SafeFileHandle((nint)Check(Libc.LandlockCreateRuleset((nint)first, (nuint)length, 0), "landlock_create_ruleset"), ownsHandle: true);
            foreach (var rule in rules) Allow(ruleset, rule, handled);
            return ruleset;
        }
    }

    /// <summary>Enters the domain, on this thread alone. Throws <see cref="PosixException"/>.</summary>
    private static void Enter(SafeFileHandle ruleset)
    {
        Check(Libc.Prctl(Libc.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
        Check(Libc.LandlockRestrictSelf(ruleset), "landlock_restrict_self");
    }

    /// <summary>
    /// A program that has done nothing yet has one thread beside this one, that which runs finalizers: it is taken in by a finalizer. False where it
    /// is not, or there are others, which cannot be reached.
    /// </summary>
    private static bool EveryThreadEntered(SafeFileHandle ruleset)
    {
        var entry = new FinalizerEntry(ruleset);
        Abandon(entry);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var entered = (string[])[.. new[] { Libc.GetTid(), entry.Thread }.Select(thread => thread.ToString(CultureInfo.InvariantCulture))];
        return Directory.EnumerateDirectories("/proc/self/task").All(task => entered.Contains(Path.GetFileName(task)));
    }

    /// <summary>Leaves an object that nobody refers to, not even this method's caller from its registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Abandon(FinalizerEntry entry) => _ = new Abandoned(entry);

    /// <summary>What the thread that runs finalizers enters; which that was.</summary>
    private sealed class FinalizerEntry(SafeFileHandle ruleset)
    {
        /// <summary>Its ID; 0 while it has not entered.</summary>
        public int Thread { get; private set; }

        public void Enter()
        {
            Landlock.Enter(ruleset);
            Thread = Libc.GetTid();
        }
    }

    private sealed class Abandoned(FinalizerEntry entry)
    {
        ~Abandoned()
        {
            try
            {
                entry.Enter();
            }
            catch (PosixException)
            {
                // It is outside then, which is found.
            }
        }
    }

    private static unsafe void Allow(SafeFileHandle ruleset, LandlockRule rule, ulong handled)
    {
        using var place = Libc.Open(rule.Path, Libc.O_PATH | Libc.O_CLOEXEC, 0);
        // What is not there, or not this user's to see, cannot be used either way.
        if (place.IsInvalid) return;
        var access = rule.Access switch
        {
            LandlockAccess.Read => ReadFile | ReadFolder,
            LandlockAccess.Execute => ReadFile | ReadFolder | Execute,
            LandlockAccess.Write => handled & ~Execute,
            _ => handled,
        };
        if (Posix.Stat(place, rule.Path).Kind != FileKind.Directory) access &= OfFiles;
        var attribute = new Libc.LandlockPathBeneath { AllowedAccess = access & handled, Parent = (int)place.DangerousGetHandle() };
        Check(Libc.LandlockAddRule(ruleset, Libc.LANDLOCK_RULE_PATH_BENEATH, &attribute), "landlock_add_rule");
    }

    /// <summary>What every program of ours reads to be loaded and to run: itself, libraries, names of users, the kernel's figures.</summary>
    private static IEnumerable<LandlockRule> Loading() =>
    [
        new(Path.GetDirectoryName(Environment.ProcessPath!)!, LandlockAccess.Execute),
        .. ((string[])["/usr", "/lib", "/lib64"]).Select(folder => new LandlockRule(folder, LandlockAccess.Execute)),
        .. ((string[])["/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/ssl", "/etc/pki", "/etc/crypto-policies", "/etc/localtime", "/proc", "/sys/devices/system/cpu", "/sys/fs/cgroup", "/dev/random", "/dev/urandom"])
            .Select(path => new LandlockRule(path, LandlockAccess.Read)),
        new("/dev/null", LandlockAccess.Write),
    ];

    /// <summary>Comes back only when it fails. Other threads of this process end with it.</summary>
    private static unsafe string Reexecute(string own)
    {
        Environment.SetEnvironmentVariable(Marker, own);
        List<string> environment = [];
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables()) environment.Add($"{variable.Key}={variable.Value}");
        var arguments = Environment.GetCommandLineArgs();
        var argv = Strings(arguments);
        var envp = Strings(environment);
        Libc.Execve("/proc/self/exe", argv, envp);
        return $"this program cannot be executed again under Landlock: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}";
    }

    /// <summary>An array of C strings that ends with a null; it lives as long as the process, which is about to end.</summary>
    private static unsafe byte** Strings(IReadOnlyList<string> texts)
    {
        var array = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < texts.Count; i++) array[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
        return array;
    }

    /// <summary>No rule of ours allows to list the root folder, which everybody else may.</summary>
    private static bool CanListRoot()
    {
        using var root = Libc.Open("/", Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC, 0);
        return !root.IsInvalid;
    }

    private static long Check(long result, string call) => result >= 0 ? result : throw Posix.Fault(call, "Landlock");
}
