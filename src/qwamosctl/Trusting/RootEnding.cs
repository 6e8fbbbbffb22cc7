using System.Globalization;
using System.Text;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Trusting;

/// <summary>The end of every command that draws up a trust root: it is shown, signed with the own key, and sent, or written for the others to sign.</summary>
internal static class RootEnding
{
    private const int MostNames = 100;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <param name="session">Where things are.</param>
    /// <param name="trust">In force.</param>
    /// <param name="draft">The version after it.</param>
    /// <param name="file">Where to write it in place of sending it; null to send it when its signatures suffice.</param>
    /// <param name="mayAsk">Whether a person is to say yes first, without whom nothing is signed.</param>
    public static int Run(Session session, TrustInForce trust, RootDraft draft, string? file, bool mayAsk) => Run(session, trust, draft, file, mayAsk, out _);

    /// <summary>The same.</summary>
    /// <param name="session">Where things are.</param>
    /// <param name="trust">In force.</param>
    /// <param name="draft">The version after it.</param>
    /// <param name="file">Where to write it in place of sending it; null to send it when its signatures suffice.</param>
    /// <param name="mayAsk">Whether a person is to say yes first, without whom nothing is signed.</param>
    /// <param name="written">The file in which it waits for the others; null when it does not.</param>
    public static int Run(Session session, TrustInForce trust, RootDraft draft, string? file, bool mayAsk, out string? written)
    {
        written = null;
        if (file is not null && PlaceFault(file) is { } place)
            return session.Fail(place);
        if (!draft.TryBuild(out var root, out var failure))
            return session.Fail(failure);
        if (!session.Json)
            session.Terminal.Print(Shown(session, trust, root));
        if (GrantValues.Refusal(session, trust.Signed is null ? null : trust.Root, root.Root, isConfirmed: !mayAsk) is { } grants)
            return session.Fail(grants);
        // Standard output is for a program then; the person who is asked reads this.
        if (session.Json && mayAsk && session.Terminal.HasPerson)
            session.Terminal.NotePart(Shown(session, trust, root));
        if (mayAsk && session.Terminal.Confirm("\nSign this? Type yes: ") is not true)
            return session.Fail(NotConfirmed(session, "nothing was signed and nothing was sent"));
        if (!TrySign(session, trust, ref root, out failure))
            return session.Fail(failure);
        return file is null && RootChain.Missing(trust.Root, root).Count == 0 ? Send(session, trust, root, null) : Write(session, trust, root, file, out written);
    }

    /// <summary>Nobody said yes: a person said something else, or nobody could be asked.</summary>
    public static Failure NotConfirmed(Session session, string what) => session.Terminal.HasPerson
        ? new Failure(ExitCode.Refused, what)
        : new Failure(ExitCode.Refused, $"{what}: nobody said yes, and nobody can be asked here", "Without a terminal: read it, then add --yes");

    /// <summary>The whole document, or, where one is in force, what the new one says otherwise.</summary>
    public static string Shown(Session session, TrustInForce trust, SignedRoot root)
    {
        StringBuilder text = new(RootText.Describe(root.Root, session.Now));
        if (trust.Signed is null)
            return text.ToString();
        text.Append(CultureInfo.InvariantCulture, $"\nwhat version {root.Root.Version} says otherwise than version {trust.Root.Version}, which is in force\n");
        foreach (var line in RootDiff.Of(trust.Root, root.Root).DefaultIfEmpty("nothing"))
            text.Append("  ").Append(line).Append('\n');
        return text.ToString();
    }

    /// <summary>Adds the own signature, where one of the two versions lists the own key.</summary>
    public static bool TrySign(Session session, TrustInForce trust, ref SignedRoot root, out Failure failure)
    {
        if (!OperatorKey.TryOpen(session, out var key, out failure))
            return false;
        using (key)
        {
            if (trust.Root.FindKey(key.Id) is null && root.Root.FindKey(key.Id) is null)
                session.Terminal.Note($"Your key {key.Id} is not signed with: neither version lists it.");
            else
                root = root.With(key.Signer);
        }
        return true;
    }

    /// <summary>Sends it; what the daemon answers is shown.</summary>
    /// <param name="session">Where the daemon is.</param>
    /// <param name="trust">In force.</param>
    /// <param name="root">The version after it.</param>
    /// <param name="file">The file that holds it; null where it was signed just now.</param>
    public static int Send(Session session, TrustInForce trust, SignedRoot root, string? file)
    {
        if (!TrySend(session, trust, root, out var answer, out var failure))
            return session.Fail(failure);
        if (!answer.IsOk)
        {
            if (session.Json)
                session.Terminal.Print(JsonPrinter.Print(answer.Document) + "\n");
            RefusalReport.ShowRoot(session, answer, root, file);
            return (int)ExitCode.Refused;
        }
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("sent", JsonValue.True), ("index", JsonValue.Of(answer.Index ?? 0)), .. RootText.ToJson(root).Members.Select(member => (member.Key, member.Value))])) + "\n"
            : string.Create(CultureInfo.InvariantCulture, $"\nversion {root.Root.Version} of the trust root is in force, recorded as entry {answer.Index}\n"));
        return (int)ExitCode.Done;
    }

    /// <summary>Sends it, and keeps it when it was taken and follows from the one that was verified here: a daemon's word alone makes nothing verified.</summary>
    public static bool TrySend(Session session, TrustInForce trust, SignedRoot root, out AnswerReader answer, out Failure failure)
    {
        answer = null!;
        if (!EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = BusCommands.TrustRoot, Args = root.ToJson() }, out var envelope, out var refusal))
        {
            failure = new Failure(ExitCode.Refused, $"no daemon would take it: {refusal.Reason}");
            return false;
        }
        if (!Bus.TryAsk(session, envelope, out answer, out failure))
            return false;
        if (answer is { IsOk: true, Index: null })
        {
            failure = Bus.Incomplete(session, "index");
            return false;
        }
        if (!answer.IsOk || RootChain.IsSame(trust.Root, root.Root))
            return true;
        if (RootChain.Refusal(trust.Root, root, trust.SystemId, session.Now) is { } unproven)
        {
            failure = new Failure(
                ExitCode.Refused, $"the daemon says that it took version {root.Root.Version}, which does not follow version {trust.Root.Version}: {unproven.Reason}; it is not believed here",
                "Find out what runs there: qwamosctl doctor");
            return false;
        }
        KeptTrust.Keep(session, trust with { Root = root.Root, Signed = root });
        return true;
    }

    /// <summary>An earlier one that still waits for signatures must not keep a later one, a revocation perhaps, from being written.</summary>
    public static string FreeName(long version)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"trust-root-{version}.json");
        for (int i = 2; i <= MostNames && !Posix.IsAbsent(Path.GetFullPath(name)); i++)
            name = string.Create(CultureInfo.InvariantCulture, $"trust-root-{version}-{i}.json");
        return name;
    }

    /// <summary>Writes it for the others to sign, never over a file.</summary>
    private static int Write(Session session, TrustInForce trust, SignedRoot root, string? file, out string? written)
    {
        written = null;
        file ??= FreeName(root.Root.Version);
        if (PlaceFault(file) is { } place)
            return session.Fail(place);
        var missing = RootChain.Missing(trust.Root, root);
        try
        {
            if (!DurableFile.CreateNew(Path.GetFullPath(file), Content(root), FileMode))
                return session.Fail(Exists(file));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return session.Fail(new Failure(ExitCode.Refused, $"{file} cannot be written: {fault.Message.TrimEnd('.')}"));
        }
        written = file;
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object(
            [
                ("status", JsonValue.Of("ok")), ("sent", JsonValue.False), ("file", JsonValue.Of(file)), ("missing", JsonValue.Array(missing.Select(item => item.ToJson()))),
                .. RootText.ToJson(root).Members.Select(member => (member.Key, member.Value)),
            ])) + "\n"
            : session.Placed(Waiting(file, missing))!);
        return (int)ExitCode.Done;
    }

    /// <summary>A file's content.</summary>
    public static byte[] Content(SignedRoot root) => [.. JsonText.Bytes(root.ToJson(), isIndented: true), (byte)'\n'];

    /// <summary>Who must sign a file yet, and how.</summary>
    public static string Waiting(string file, IReadOnlyList<MissingSigners> missing)
    {
        var shown = SafePath.Quote(file);
        StringBuilder text = new($"\nwritten to {SafeText.ForTerminal(file)}, and not in force\n");
        foreach (var item in missing)
            text.Append("  ").Append(SafeText.ForTerminal(item.Text)).Append('\n');
        if (missing.Count > 0)
            text.Append($"each of them: {Session.Theirs}sign {shown}\nthen anybody: {Session.Theirs}send {shown}\n");
        else
            text.Append($"it has all signatures: qwamosctl send {shown}\n");
        return text.ToString();
    }

    /// <summary>Why nothing can be written there; null when it can.</summary>
    public static Failure? PlaceFault(string file) => OutputPlace.Fault(file) ?? (Posix.IsAbsent(Path.GetFullPath(file)) ? null : Exists(file));

    private static Failure Exists(string file) => new(ExitCode.Refused, $"{file} exists, and nothing is written over it", "Look at it, and move it away; or name another place with --out FILE");
}
