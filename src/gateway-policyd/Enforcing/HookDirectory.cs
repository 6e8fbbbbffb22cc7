using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// <c>/etc/qwamos/hooks.d</c>: an executable for each key that this system can enforce. It is checked each time before it runs,
/// with its whole path: a hook that others could have written is not run (ATTACKS 27).
/// </summary>
/// <param name="paths">Where it is.</param>
/// <param name="time">The clock.</param>
/// <param name="units">Where each hook is a unit of its own, what has it run there, by this same class; null runs it here.</param>
internal sealed class HookDirectory(SystemPaths paths, TimeProvider time, HookUnits? units = null)
{
    /// <summary>Has the key's hook run and waits for it, at most its time. Blocks.</summary>
    /// <param name="output">The first bytes of what it printed; empty for a confidential key.</param>
    public EnforcementOutcome Run(Enforcement enforcement, out string output, CancellationToken stop)
    {
        HookCall call = HookCall.Of(enforcement);
        HookAnswer answer = units is null ? Run(call, stop) : units.Run(call, stop);
        // What a hook prints may repeat the value it was given.
        output = enforcement.Key.IsConfidential ? "" : answer.Output;
        return answer.Outcome;
    }

    /// <summary>Runs the hook of a call here and waits for it, at most its time. Blocks.</summary>
    public HookAnswer Run(HookCall call, CancellationToken stop)
    {
        if (!TryFind(call.Key, out string? path, out EnforcementOutcome instead))
            return new HookAnswer(instead, "");
        HookEnd end = HookProcess.Run(path, [call.Key, call.Value.ToLine()], call.ToJson(), time, stop);
        return new HookAnswer(end.Succeeded ? EnforcementOutcome.Done : EnforcementOutcome.Failed(end.Why), end.Output);
    }

    private bool TryFind(string key, [NotNullWhen(true)] out string? path, out EnforcementOutcome instead)
    {
        path = null;
        instead = EnforcementOutcome.NoEnforcer;
        if (key.Contains('/') || key.StartsWith('.'))
            return false; // such a name cannot name a file of that directory
        string candidate = Path.Combine(paths.HooksDir, key);
        if (Posix.IsAbsent(candidate))
            return false;
        if (!SafePath.TryCheckTrusted(candidate, paths, PathRules.TrustedExecutable, out string? fault))
        {
            instead = EnforcementOutcome.Failed("the hook cannot be trusted: " + fault);
            return false;
        }

        path = candidate;
        return true;
    }
}
