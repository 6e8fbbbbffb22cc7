using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Checking;

/// <summary>Looks at everything that this user can see of the system, and changes nothing.</summary>
internal static class Doctor
{
    private const long EarliestPlausibleSeconds = 1_750_000_000;

    /// <param name="session">Where things are.</param>
    /// <param name="status">The daemon's status; null when it gave none.</param>
    public static List<Finding> Examine(Session session, out AnswerReader? status)
    {
        var daemon = DaemonChecks.Run(session, out status, out _);
        return [.. KeyChecks.Run(session), .. FileChecks.Run(session), Clock(session), .. UnitChecks.Run(session), .. BootFindings.Run(session), .. daemon, .. Schema(session, status), .. Configuration(session, status)];
    }

    private static Finding Clock(Session session) => session.Now < EarliestPlausibleSeconds
        ? Finding.Bad("this clock", $"says {session.Terminal.Clock.GetUtcNow():yyyy-MM-dd}, which is before this program was made", "set it: sudo timedatectl set-time 'YYYY-MM-DD HH:MM'")
        : Finding.Good("this clock", $"{session.Terminal.Clock.GetUtcNow():yyyy-MM-dd HH:mm:ss} UTC");

    /// <summary>A daemon reads its schema at its start.</summary>
    private static IEnumerable<Finding> Schema(Session session, AnswerReader? status)
    {
        if (status?.TextOf("schema") is not { } theirs || !session.TryLoadSchema(out var schema, out _))
            yield break;
        yield return schema.Hash == theirs
            ? Finding.Good("daemon's schema", "is the one of this machine")
            : Finding.Bad("daemon's schema", "is another than the one of this machine", session.RestartDaemon);
    }

    /// <summary>It and the courier read their configuration at their start, too.</summary>
    private static IEnumerable<Finding> Configuration(Session session, AnswerReader? status)
    {
        if (status?.TextOf("configuration") is not { } theirs || !session.TryLoadSchema(out var schema, out _) || !DaemonConfig.TryLoad(session.Paths, schema, out var config, out _))
            yield break;
        yield return config.Hash == theirs
            ? Finding.Good("daemon's domains", "are those of domains.json and qwamosd.json")
            : Finding.Bad("daemon's domains", "domains.json or qwamosd.json was changed since the daemon started", session.RestartDaemons);
    }
}
