using System.CommandLine;
using System.Globalization;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl trust</c>: who holds which keys, and who together may sign what.</summary>
internal static class TrustCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Command trust = new("trust", "Say who may sign what, and replace, add and revoke keys")
        {
            TrustStatusCommand.Build(shared, terminal),
            Show(shared, terminal),
            Diff(shared, terminal),
            TrustInitCommand.Build(shared, terminal),
        };
        trust.Add(TrustRotateCommand.Build(shared, terminal));
        trust.Add(TrustRevokeCommand.Build(shared, terminal));
        foreach (var command in TrustEditCommands.Build(shared, terminal))
            trust.Add(command);
        return trust;
    }

    private static Command Show(SharedOptions shared, Terminal terminal)
    {
        Argument<long?> version = new("VERSION") { Arity = ArgumentArity.ZeroOrOne, Description = "Which one (default: the one in force)" };
        Command command = new("show", "Show a version of the trust root in plain words") { version };
        command.SetAction(parse => shared.Run(parse, terminal, session => RunShow(session, parse.GetValue(version))));
        return command;
    }

    private static int RunShow(Session session, long? version)
    {
        if (!TrustSource.TryGet(session, out var trust, out var failure))
            return session.Fail(failure);
        var shown = trust.Signed;
        if (version is { } asked && asked != trust.Root.Version)
        {
            if (NoSuchVersion(trust, asked) is { } none)
                return session.Fail(none);
            if (!TrustSource.TryGetAll(session, trust, out var all, out failure))
                return session.Fail(failure);
            shown = all[(int)asked - 1];
        }
        var root = shown?.Root ?? trust.Root;
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), .. shown is null ? [("version", JsonValue.Of(0))] : RootText.ToJson(shown).Members.Select(member => (member.Key, member.Value))])) + "\n"
            : RootText.Describe(root, session.Now));
        return (int)ExitCode.Done;
    }

    private static Command Diff(SharedOptions shared, Terminal terminal)
    {
        Argument<long[]> versions = new("A B") { Arity = new ArgumentArity(0, 2), Description = "Two versions (default: the one in force and the one before; one alone: it and the one in force, or, of that, the one before)" };
        Command command = new("diff", "Say in plain words what one version says otherwise than another") { versions };
        command.SetAction(parse => shared.Run(parse, terminal, session => RunDiff(session, parse.GetValue(versions) ?? [])));
        return command;
    }

    private static int RunDiff(Session session, long[] versions)
    {
        if (!TrustSource.TryGet(session, out var trust, out var failure))
            return session.Fail(failure);
        if (trust.Signed is null)
            return session.Fail(NoSuchVersion(trust, 1)!);
        var (from, to) = versions switch
        {
            [var one] when one != trust.Root.Version => (one, trust.Root.Version),
            [var first, var second] => (first, second),
            _ => (Math.Max(0, trust.Root.Version - 1), trust.Root.Version),
        };
        // Version 0 is the enrolled key alone, before there was any.
        if (new[] { from, to }.FirstOrDefault(version => version != 0 && NoSuchVersion(trust, version) is not null, -1) is var unknown and not -1)
            return session.Fail(NoSuchVersion(trust, unknown)!);
        if (!TrustSource.TryGetAll(session, trust, out var all, out failure))
            return session.Fail(failure);
        TrustRoot Version(long version) => version == 0 ? TrustSource.Enrolled(session) ?? trust.Root : all[(int)version - 1].Root;
        var lines = RootDiff.Of(Version(from), Version(to));
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("from", JsonValue.Of(from)), ("to", JsonValue.Of(to)), ("differences", JsonValue.Array(lines))])) + "\n"
            : string.Create(CultureInfo.InvariantCulture, $"version {from} to {to}\n") + string.Concat(lines.DefaultIfEmpty("nothing differs").Select(line => $"  {line}\n")));
        return (int)ExitCode.Done;
    }

    private static Failure? NoSuchVersion(TrustInForce trust, long version) => version >= 1 && version <= trust.Root.Version
        ? null
        : Failure.Usage(trust.Signed is null ? "there is no trust root yet: the enrolled key alone signs" : string.Create(CultureInfo.InvariantCulture, $"there is no version {version}: they are 1 to {trust.Root.Version}"));
}
