using System.CommandLine;
using Qwamos.Client.Changing;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl send FILE</c>: sends a change or a trust root that its holders have signed. Needs no key.</summary>
internal static class SendCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> file = new("FILE") { Description = "A change or a trust root that its holders have signed" };
        Command command = new("send", "Send a change or a trust root that was signed with qwamosctl sign") { file };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(file)!)));
        return command;
    }

    private static int Run(Session session, string name)
    {
        if (!WaitingFile.TryRead(session, name, out var file, out var failure))
            return session.Fail(failure);
        if ((file.Root?.Signatures.Count ?? file.Change!.Signatures.Count) == 0)
            return session.Fail(Unsigned(name));
        return file.Root is not null ? SendRoot(session, name, file.Root) : SendChange(session, name, file.Change!);
    }

    private static int SendRoot(Session session, string name, SignedRoot root) => TrustSource.TryGet(session, out var trust, out var failure)
        ? RootEnding.Send(session, trust, root, name)
        : session.Fail(failure);

    private static int SendChange(Session session, string name, Proposal change)
    {
        if (!session.TryLoadSchema(out var schema, out var failure))
            return session.Fail(failure);
        if (!change.TryToEnvelope(out var envelope, out var refusal))
            return session.Fail(new Failure(ExitCode.Refused, $"{name} cannot be sent: {refusal.Reason}"));
        List<Setting> settings = [];
        foreach (var (key, json) in change.Message.Args!.Members)
        {
            if (schema.TryGet(key, out var known) && PolicyValue.TryFrom(json, out var value))
                settings.Add(new Setting(known, value));
        }
        return ChangeRun.Send(session, envelope, settings, name);
    }

    private static Failure Unsigned(string name) =>
        new(ExitCode.Refused, $"{name} was signed by nobody yet", $"Sign it first: qwamosctl sign {SafePath.Quote(name)}");
}
