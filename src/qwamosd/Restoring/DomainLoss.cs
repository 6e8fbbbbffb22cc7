using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Restoring;

/// <summary>
/// Which domains' words a restore has believed again though they are believed no more (ATTACKS 7, 13): those that were revoked, or got another key, of their own or for TLS, after FILE was made. Told before
/// anything is changed, as <see cref="TrustLoss"/> is.
/// </summary>
internal static class DomainLoss
{
    /// <summary>Lines of the comparison.</summary>
    /// <param name="paths">For the commands.</param>
    /// <param name="present">The present ledger's; null when there is none that can be read.</param>
    /// <param name="restored">What FILE says.</param>
    public static IEnumerable<string> Lines(SystemPaths paths, PolicyState? present, PolicyState restored)
    {
        foreach ((string name, RecordedDomain then) in restored.Domains.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (then.WhyNot(restored.Trust.Root) is not null || present?.Domains.TryGetValue(name, out RecordedDomain? now) != true)
                continue;
            string key = then.Statement.Fingerprint;
            string again = ProposedCommand.Of(paths, "qwamosctl", $"domains revoke {SafePath.Quote(name)}");
            if (now!.WhyNot(present.Trust.Root) is { } why)
                yield return Sighting.Silent(TrustLoss.Unrevoked, $"the domain {name}: {why}, and in FILE its word counts by the key {key}: once qwamosd runs, {again}").Line;
            else if (now.Statement.Key != then.Statement.Key)
                yield return Sighting.Silent(TrustLoss.Unrevoked, $"the domain {name} has another key enrolled by now, and in FILE the one before, {key}: once qwamosd runs, {again}, and enrol it anew").Line;
            else if (then.Statement.TlsKey is { } tls && now.Statement.TlsKey != tls)
                yield return Sighting.Silent(TrustLoss.Unrevoked, $"the domain {name} has another key for its TLS by now, and in FILE the one before, {tls}: once qwamosd runs, {ProposedCommand.Of(paths, "qwamosctl", $"domains enroll {SafePath.Quote(name)} --tls-key {now.Statement.TlsKey ?? "HEX"}")}").Line;
        }
    }
}
