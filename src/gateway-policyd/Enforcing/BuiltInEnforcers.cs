using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Enforcing.Firewall;
using Qwamos.Gateway.Enforcing.Radio;

namespace Qwamos.Gateway.Enforcing;

/// <summary>The enforcers that gateway.json asks for.</summary>
internal static class BuiltInEnforcers
{
    /// <summary>Hooks of the same keys are not run, which is said.</summary>
    public static StateKeeper Keeper(SystemPaths paths, EnforcerFacts facts, PolicySchema schema, TimeProvider time, LogMessages log)
    {
        var enforcers = new List<IStateEnforcer>();
        if (facts.Firewall is { } firewall)
            enforcers.Add(new FirewallEnforcer(firewall, new Nft(time)));
        if (facts.Radio is { } radio)
        {
            enforcers.Add(new RadioEnforcer(new RadioSwitch(paths), new IdleTimer(paths, radio.Interfaces, time), log));
            // One may come later, with its device; a misspelt one never does, and what the true one sends is not counted.
            foreach (string name in radio.Interfaces.Where(name => Posix.IsAbsent(paths.At($"/sys/class/net/{name}"))))
                log.RadioNotThere(name);
        }

        foreach (string key in facts.Keys.Where(key => !Posix.IsAbsent(Path.Combine(paths.HooksDir, key))))
            log.HookUnused(key, FirewallFacts.Keys.Contains(key) ? "firewall" : "radio");
        return new StateKeeper(enforcers, schema, facts.WarnedOf, time, log);
    }
}
