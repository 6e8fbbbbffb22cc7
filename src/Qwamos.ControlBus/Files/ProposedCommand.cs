namespace Qwamos.ControlBus.Files;

/// <summary>
/// The commands that messages propose, in the one form that works where this program was started: under `--root DIR` each carries it, and a daemon
/// is no service of the system.
/// </summary>
public static class ProposedCommand
{
    /// <summary>The program that serves a domain.</summary>
    private const string DomainDaemon = "gateway-policyd";

    /// <summary>A command of one of the programs.</summary>
    /// <param name="paths">Where this program works.</param>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">All but <c>--root</c>; empty for none.</param>
    public static string Of(SystemPaths paths, string program, string arguments) =>
        $"{program}{(paths.IsTrial ? $" --root {SafePath.Quote(paths.Root)}" : "")}{(IsOtherDomain(paths, program) ? $" --domain {paths.Domain}" : "")}{(arguments.Length > 0 ? " " : "")}{arguments}";

    /// <summary>What starts a daemon that does not run.</summary>
    public static string Start(SystemPaths paths, string daemon) => paths.IsTrial ? Of(paths, daemon, "") : $"systemctl start {Unit(paths, daemon)}";

    /// <summary>What ends one that runs, and its socket with it: the next client would start it again.</summary>
    public static string Stop(SystemPaths paths, string daemon) => paths.IsTrial ? "Ctrl-C where it runs, or kill its process" : $"systemctl stop {Unit(paths, daemon)}.socket {Unit(paths, daemon)}";

    /// <summary>What has one that runs read its files anew.</summary>
    public static string Restart(SystemPaths paths, string daemon) => paths.IsTrial ? $"{Stop(paths, daemon)}; then: {Start(paths, daemon)}" : $"systemctl restart {Unit(paths, daemon)}";

    /// <summary>Where its log is.</summary>
    public static string Log(SystemPaths paths, string daemon) => paths.IsTrial ? $"what {daemon} prints where it runs" : $"journalctl -u {Unit(paths, daemon)}";

    /// <summary>Each domain but the usual one is an instance of a template.</summary>
    private static string Unit(SystemPaths paths, string daemon) => IsOtherDomain(paths, daemon) ? $"{daemon}@{paths.Domain}" : daemon;

    private static bool IsOtherDomain(SystemPaths paths, string program) => program == DomainDaemon && paths.Domain != SystemPaths.UsualDomain;
}
