using System.CommandLine;
using System.Globalization;
using System.Text;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl sign FILE</c>: shows in plain words what a change or a trust root would do, and adds this key's signature to it. A file with a signature that
/// does not hold, or that would be refused anyway, is not signed.
/// </summary>
internal static class SignCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> file = new("FILE") { Description = "From qwamosctl set --out FILE, or from qwamosctl trust" };
        Option<bool> yes = new("--yes") { Description = "Do not ask: what it does was read before" };
        Command command = new("sign", "Show what a change or a trust root would do, and add your signature to the file") { file, yes };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(file)!, parse.GetValue(yes))));
        return command;
    }

    private static int Run(Session session, string name, bool isConfirmed)
    {
        if (!WaitingFile.TryRead(session, name, out var file, out var failure) || !TrustSource.TryGetIfKnown(session, out var trust, out failure))
            return session.Fail(failure);
        if ((file.Root is not null ? FaultOf(session, file.Root, trust) : FaultOf(session, file.Change!, trust)) is { } fault)
            return session.Fail(new Failure(ExitCode.Refused, $"{name} is not signed: {fault}"));
        if (!TryJudgeOwn(session, name, file, trust, out var hasSigned, out failure))
            return session.Fail(failure);
        if (hasSigned)
            return Report(session, name, file, trust, isNew: false);
        var shown = file.Root is not null ? Shown(session, trust, file.Root) : Shown(session, trust, file.Change!);
        if (!session.Json)
            session.Terminal.Print(shown);
        else if (!isConfirmed && session.Terminal.HasPerson)
            session.Terminal.NotePart(shown);
        if (file.Root is { } drawn && GrantValues.Refusal(session, trust?.Signed?.Root, drawn.Root, isConfirmed) is { } grants)
            return session.Fail(grants);
        if (!isConfirmed && session.Terminal.Confirm("\nSign this? Type yes: ") is not true)
            return session.Fail(RootEnding.NotConfirmed(session, "nothing was signed"));
        if (!OperatorKey.TryOpen(session, out var key, out failure))
            return session.Fail(failure);
        using (key)
            file = new WaitingFile(file.Root?.With(key.Signer), file.Change?.With(key.Signer));
        if (!TryMerge(session, name, ref file, out failure))
            return session.Fail(failure);
        return TryReplace(name, file, out failure) ? Report(session, name, file, trust, isNew: true) : session.Fail(failure);
    }

    /// <summary>Before anybody reads it or types a passphrase: whether the own key counts, and whether it has signed already. False when it does not count.</summary>
    private static bool TryJudgeOwn(Session session, string name, WaitingFile file, TrustInForce? trust, out bool hasSigned, out Failure failure)
    {
        hasSigned = false;
        if (!OperatorKey.TryOpen(session, out var own, out failure, toSign: false))
            return false;
        using (own)
        {
            if (trust is not null && trust.Root.FindKey(own.Id) is null && file.Root?.Root.FindKey(own.Id) is null)
            {
                var names = trust.Root.Holders.Concat(file.Root?.Root.Holders ?? []).Select(holder => holder.Name).Distinct(StringComparer.Ordinal);
                failure = new Failure(ExitCode.Refused, $"{name} is not signed: your key {own.Id} is not one that counts here: those of {RootText.Names(names)} do", "Their keys: qwamosctl trust show; use the key home of one with --home DIR");
                return false;
            }
            ReadOnlyMemory<byte>? signature = file.Root is { } root
                ? root.Signatures.Where(each => each.Key == own.Id).Select(each => (ReadOnlyMemory<byte>?)each.Bytes).FirstOrDefault()
                : file.Change!.Signatures.Where(each => each.KeyId == own.Id).Select(each => (ReadOnlyMemory<byte>?)each.Bytes).FirstOrDefault();
            hasSigned = signature is not null;
            if (signature is not { } bytes || own.Signer.Public.Verify(file.Root is not null ? file.Root.Root.SignedBytes() : file.Change!.Message.Canonical.Span, bytes.Span))
                return true;
            failure = new Failure(ExitCode.Refused, $"{name} is not signed: the signature in it with your key {own.Id} does not hold", "Have it drawn up again, and find out who put that there");
            return false;
        }
    }

    private static string Shown(Session session, TrustInForce? trust, SignedRoot root)
    {
        StringBuilder text = new(trust is null ? RootText.Describe(root.Root, session.Now) : RootEnding.Shown(session, trust, root));
        return Signers(text, root.Signatures.Select(signature => signature.Key), key => root.Root.HolderOf(key) ?? trust?.HolderOf(key)).ToString();
    }

    private static string Shown(Session session, TrustInForce? trust, Proposal change)
    {
        StringBuilder text = new(ProposalText.Describe(session, trust, change));
        text.Append(CultureInfo.InvariantCulture, $"SHA-256      {change.Hash}\n");
        return Signers(text, change.Signatures.Select(signature => signature.KeyId!.Value), key => trust?.HolderOf(key)).ToString();
    }

    private static StringBuilder Signers(StringBuilder text, IEnumerable<KeyId> keys, Func<KeyId, string?> nameOf)
    {
        var all = keys.ToList();
        text.Append(all.Count == 0 ? "\nsigned by nobody yet\n" : "\nsigned by\n");
        foreach (var key in all)
            text.Append("  ").Append(nameOf(key) ?? "somebody unknown here").Append(", key ").Append(key).Append('\n');
        return text;
    }

    /// <summary>Why a trust root would be refused whoever else signs it; null when it would not.</summary>
    private static string? FaultOf(Session session, SignedRoot root, TrustInForce? trust)
    {
        if (trust is not null)
        {
            return RootChain.IsSame(trust.Root, root.Root) ? $"version {root.Root.Version} is in force already"
                : RootChain.Refusal(trust.Root, root, trust.SystemId, session.Now) is { } refusal && refusal.Code != ErrorCode.NotAuthorised ? refusal.Reason
                : RootChain.WaitingFault(trust.Root, root);
        }
        if (root.Root.CreatedSeconds > session.Now + Limits.FreshnessWindowSeconds)
            return $"it is dated {root.Root.CreatedSeconds - session.Now} s from now; {Limits.FreshnessWindowSeconds} s are allowed";
        var signed = root.Root.SignedBytes();
        return root.Signatures.Any(signature => root.Root.FindKey(signature.Key)?.Verify(signed, signature.Bytes.Span) is false) ? "a signature in it does not hold" : null;
    }

    private static string? FaultOf(Session session, Proposal change, TrustInForce? trust)
    {
        // Dated ahead, it would be good long after those who signed it forgot it.
        if (change.Message.Timestamp > session.Now + Limits.FreshnessWindowSeconds)
            return $"it is dated {change.Message.Timestamp - session.Now} s from now; {Limits.FreshnessWindowSeconds} s are allowed";
        if (change.Message.Expires > (change.Message.Timestamp ?? 0) + Limits.MaxProposalSeconds)
            return $"it would be good for longer than {Limits.MaxProposalSeconds} s, and nothing may wait so long";
        if (trust is null)
            return null;
        if (trust.SystemId is { } system && change.Message.System is { } other && other != system)
            return "it is for another system";
        if (Freshness.LastSecond(change.Message, trust.Root) < session.Now)
            return "its time to be sent has passed: draw it up again";
        foreach (var signature in change.Signatures)
        {
            if (trust.Root.FindKey(signature.KeyId!.Value) is not { } key)
                return $"it is signed with the key {signature.KeyId}, which does not count here: draw it up again";
            if (!key.Verify(change.Message.Canonical.Span, signature.Bytes.Span))
                return $"the signature with the key {signature.KeyId} does not hold";
        }
        return null;
    }

    /// <summary>With what others signed in the same file while a person read, or typed a passphrase.</summary>
    private static bool TryMerge(Session session, string name, ref WaitingFile file, out Failure failure)
    {
        if (!WaitingFile.TryRead(session, name, out var now, out failure))
            return false;
        if ((now.Root?.Root.Hash ?? now.Change!.Hash) != (file.Root?.Root.Hash ?? file.Change!.Hash))
        {
            failure = new Failure(ExitCode.Refused, $"{name} is not signed: it was replaced by another one while it was read", $"Read that one: qwamosctl sign {SafePath.Quote(name)}");
            return false;
        }
        file = new WaitingFile(now.Root is null ? null : file.Root?.With(now.Root.Signatures), now.Change is null ? null : file.Change?.With(now.Change.Signatures));
        return true;
    }

    /// <summary>In the place of the one before, with its mode.</summary>
    private static bool TryReplace(string name, WaitingFile file, out Failure failure)
    {
        failure = null!;
        try
        {
            var path = Path.GetFullPath(name);
            byte[] content = file.Root is not null ? RootEnding.Content(file.Root) : [.. file.Change!.ToBytes(), (byte)'\n'];
            DurableFile.Replace(path, content, File.GetUnixFileMode(path));
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            failure = new Failure(ExitCode.Refused, $"{name} cannot be written: {fault.Message.TrimEnd('.')}");
            return false;
        }
    }

    /// <param name="session">Where things are.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="file">What it holds.</param>
    /// <param name="trust">In force; null where that is not known.</param>
    /// <param name="isNew">Whether the own signature was added now; else it was there, and nothing was changed.</param>
    private static int Report(Session session, string name, WaitingFile file, TrustInForce? trust, bool isNew)
    {
        IReadOnlyList<JsonValue> missing = trust is null ? []
            : file.Root is { } root ? [.. RootChain.Missing(trust.Root, root).Select(item => item.ToJson())]
            : ProposalText.Missing(trust.Root, file.Change!).Items;
        var keys = file.Root?.Signatures.Select(signature => signature.Key) ?? file.Change!.Signatures.Select(signature => signature.KeyId!.Value);
        if (session.Json)
        {
            session.Terminal.Print(JsonPrinter.Print(JsonValue.Object(
            [
                ("status", JsonValue.Of("ok")),
                ("file", JsonValue.Of(name)),
                ("already", JsonValue.Of(!isNew)),
                ("kind", JsonValue.Of(file.Root is null ? "change" : "trust_root")),
                ("compared", JsonValue.Of(trust is not null)),
                ("sha256", JsonValue.Of(file.Root?.Root.Hash ?? file.Change!.Hash)),
                ("signed_by", JsonValue.Array(keys.Select(key => key.ToString()))),
                ("missing", JsonValue.Array(missing)),
            ])) + "\n");
            return (int)ExitCode.Done;
        }
        StringBuilder text = new($"{(isNew ? "\nsigned" : "you have signed it already, and nothing was changed")}; {SafeText.ForTerminal(name)} has {(keys.Count() == 1 ? "1 signature" : $"{keys.Count()} signatures")}\n");
        foreach (var item in missing)
            text.Append("  ").Append(Clause(item)).Append('\n');
        text.Append(trust is null || missing.Count > 0 ? $"once all have signed: qwamosctl send {SafePath.Quote(name)}\n" : $"it has all it needs: qwamosctl send {SafePath.Quote(name)}\n");
        session.Terminal.Print(session.Placed(text.ToString())!);
        return (int)ExitCode.Done;
    }

    /// <summary>Who is missing, of an element of <c>missing</c>.</summary>
    internal static string Clause(JsonValue missing)
    {
        string Text(string name) => missing.TryGet(name, out var value) && value.Kind is JsonKind.String or JsonKind.Number ? KeyText.Of(value) : "";
        string Names(string name) => missing.TryGet(name, out var list) && list.Kind == JsonKind.Array ? string.Join(", ", list.Items.Select(KeyText.Of)) : "";
        return Text("role").Length == 0
            ? $"{Text("what")}: no role may sign it"
            : $"{Text("what")} needs {Text("threshold")} of the role {Text("role")}: {(Names("have") is { Length: > 0 } have ? have : "none")} signed; more of {Names("from")} must";
    }
}
