using System.CommandLine;
using System.Globalization;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl trust add, remove, renew, threshold, propose</c>: each draws up the version after the one in force. A command here is one change of the
/// document; how it is shown, signed and sent is the same for all.
/// </summary>
internal static class TrustEditCommands
{
    public static IEnumerable<Command> Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> pair = new("NAME=FILE") { Description = "A name, and the file ed25519_pk of their key home" };
        Option<string[]> roles = new("--role") { HelpName = "ROLE", Description = "Only in this role; may be repeated (default: in every role)" };
        yield return Make(shared, terminal, new Command("add", "Add a holder, or another key to one") { pair, roles }, (session, parse, draft) =>
            HolderFile.TryRead(session, parse.GetValue(pair)!, out var holder, out var failure) ? Added(draft, holder, parse.GetValue(roles) ?? []) : (null, failure));

        Argument<string> leaving = new("NAME") { Description = "A holder" };
        yield return Make(shared, terminal, new Command("remove", "Remove a holder, whose signatures count no more for what comes; what was signed before stands") { leaving }, (_, parse, draft) =>
            Removed(draft, parse.GetValue(leaving)!));

        yield return Make(shared, terminal, new Command("renew", "Draw up the same again with a later end"), (session, parse, draft) =>
            (draft with { ExpiresSeconds = session.Now + RootDraft.DefaultLifetimeSeconds }, null));

        Argument<string> role = new("ROLE") { Description = "A role, like root" };
        Argument<int> threshold = new("N") { Description = "So many of its holders must sign" };
        yield return Make(shared, terminal, new Command("threshold", "Say how many of a role must sign together") { role, threshold }, (_, parse, draft) =>
            WithThreshold(draft, parse.GetValue(role)!, parse.GetValue(threshold)));

        Argument<string> file = new("FILE") { Description = "A JSON object of holders, roles and revoked, as trust show -o json has them in root; what is left out stays as it is" };
        yield return Make(shared, terminal, new Command("propose", "Draw up the next trust root from a document that was edited by hand") { file }, (session, parse, draft) =>
            RootFile.TryRead(session, parse.GetValue(file)!, draft, out var edited, out var failure) ? (edited, null) : (null, failure));
    }

    private static Command Make(SharedOptions shared, Terminal terminal, Command command, Func<Session, ParseResult, RootDraft, (RootDraft? Draft, Failure? Failure)> edit)
    {
        RootOptions options = new();
        options.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session =>
        {
            if (!options.TryRead(parse, out var terms, out var failure) || !RootDraft.TryBegin(session, out var trust, out var draft, out failure))
                return session.Fail(failure);
            var (edited, fault) = edit(session, parse, draft);
            if (edited is null)
                return session.Fail(fault!);
            if (terms.LifetimeSeconds is { } lifetime)
                edited = edited with { ExpiresSeconds = session.Now + lifetime };
            return RootEnding.Run(session, trust, edited, terms.File, mayAsk: !terms.IsConfirmed);
        }));
        return command;
    }

    private static (RootDraft?, Failure?) Added(RootDraft draft, Holder holder, string[] roles)
    {
        if (roles.FirstOrDefault(role => draft.Roles.All(known => known.Name != role)) is { } unknown)
            return (null, NoSuchRole(draft, unknown));
        var before = draft.Holders.FirstOrDefault(known => known.Name == holder.Name);
        if (before is not null && roles.Length > 0)
            return (null, Failure.Usage($"{holder.Name} is a holder already: only a key is added, and --role says nothing then", "Edit who has which role: qwamosctl trust propose --help"));
        return before is not null
            ? (draft with { Holders = [.. draft.Holders.Select(known => known == before ? new Holder(known.Name, [.. known.Keys, .. holder.Keys]) : known)] }, null)
            : (draft with
            {
                Holders = [.. draft.Holders, holder],
                Roles = [.. draft.Roles.Select(role => roles.Length == 0 || roles.Contains(role.Name) ? role with { Holders = [.. role.Holders, holder.Name] } : role)],
            }, null);
    }

    private static (RootDraft?, Failure?) Removed(RootDraft draft, string name) => draft.Holders.All(holder => holder.Name != name)
        ? (null, Failure.Usage($"there is no holder {name}: they are {RootText.Names(draft.Holders.Select(holder => holder.Name))}"))
        : draft.TryWithout(name, out var without, out var failure) ? (without, null) : (null, failure);

    private static (RootDraft?, Failure?) WithThreshold(RootDraft draft, string name, int threshold)
    {
        if (draft.Roles.FirstOrDefault(role => role.Name == name) is not { } role)
            return (null, NoSuchRole(draft, name));
        if (threshold < 1 || threshold > role.Holders.Count)
            return (null, Failure.Usage(string.Create(CultureInfo.InvariantCulture, $"the role {name} has {role.Holders.Count} {(role.Holders.Count == 1 ? "holder" : "holders")}: its threshold is 1 to {role.Holders.Count}, not {threshold}")));
        return (draft with { Roles = [.. draft.Roles.Select(known => known == role ? role with { Threshold = threshold } : known)] }, null);
    }

    private static Failure NoSuchRole(RootDraft draft, string name) => Failure.Usage($"there is no role {name}: they are {RootText.Names(draft.Roles.Select(role => role.Name))}");
}
