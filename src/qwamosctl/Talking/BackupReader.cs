using Qwamos.Client.Auditing;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Talking;

/// <summary>Has the daemon make a backup of its ledger, and fetches it part by part; each request is signed.</summary>
internal sealed class BackupReader(Session session, OperatorKey key, string? system)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Asks for a backup.</summary>
    public bool TryBegin(out RemoteBackup backup, out Failure failure)
    {
        backup = null!;
        if (!TryAsk(BusCommands.Backup, null, out var answer, out failure))
            return false;
        if (answer.TextOf("name") is not { } name || answer.NumberOf("size") is not ({ } size and >= 0)
            || answer.TextOf("root_hash") is not { } root)
            return No(NotOne("it does not say which backup it makes"), out failure);
        backup = new RemoteBackup(name, size, root);
        return true;
    }

    /// <summary>Waits until it is made, then takes all of it; gives its length and the SHA-256 that the daemon says it has.</summary>
    public bool TryFetch(RemoteBackup backup, NewFile file, out long bytes, out string hash, out Failure failure)
    {
        (bytes, hash) = (0, "");
        Progress making = new(session.Terminal, "making the backup"), fetching = new(session.Terminal, "fetching");
        Deadline deadline = new(session.Terminal.Clock, TimeSpan.FromSeconds(Limits.MaxBackupWaitSeconds));
        try
        {
            for (long at = 0; ;)
            {
                if (!TryAsk(BusCommands.GetBackup, backup.Place(at), out var answer, out failure))
                    return false;
                if (answer.ObjectOf("making") is { } state)
                {
                    if (at > 0 || deadline.LeftMilliseconds == 0)
                        return No(NotOne("it is making the backup still"), out failure);
                    making.Show(Number(state, "done"), Number(state, "all"));
                    Task.Delay(Pause, session.Terminal.Clock).Wait();
                    continue;
                }
                making.End();
                if (!TryReadPart(answer, at, ref bytes, ref hash, out var part, out failure) || (at == 0 && !HasRoom(file, bytes, out failure)))
                    return false;
                file.Write(part);
                at += part.Length;
                fetching.Show(at, bytes);
                if (at == bytes)
                    return true;
            }
        }
        finally
        {
            making.End();
            fetching.End();
        }
    }

    /// <summary>Every part says the same length and hash, and none is empty or too long: what comes is bounded by what was said first.</summary>
    private static bool TryReadPart(AnswerReader answer, long at, ref long bytes, ref string hash, out byte[] part, out Failure failure)
    {
        part = [];
        failure = null!;
        if (answer.NumberOf("bytes") is not ({ } length and > 0) || answer.TextOf("sha256") is not { } digest
            || answer.NumberOf("offset") != at || answer.TextOf("data") is not { } text)
            return No(NotOne("a part of it is not one of a backup"), out failure);
        if (at == 0)
            (bytes, hash) = (length, digest);
        part = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, part, out var read) || read == 0 || length != bytes || digest != hash || read > bytes - at)
            return No(NotOne("its parts are not those of one backup"), out failure);
        Array.Resize(ref part, read);
        return true;
    }

    private static bool HasRoom(NewFile file, long bytes, out Failure failure)
    {
        failure = null!;
        var folder = Path.GetDirectoryName(file.TemporaryPath)!;
        var free = new DriveInfo(folder).AvailableFreeSpace;
        return bytes <= free || No(new Failure(ExitCode.Refused, $"the backup has {bytes} bytes, and there is room for {free} in {folder}"), out failure);
    }

    private bool TryAsk(string command, JsonValue? args, out AnswerReader answer, out Failure failure)
    {
        MessageDraft draft = new() { Command = command, Args = args, Nonce = Nonce.Random(), Timestamp = session.Now, System = system };
        if (!Bus.TryAsk(session, SignedMessage.Write(session, key, draft), out answer, out failure))
            return false;
        if (answer.IsOk)
            return true;
        failure = RefusalReport.Of(session, answer, key);
        // Nothing was asked that could be half done.
        return answer.Code == ErrorCodes.Name(ErrorCode.StorageError) ? No(failure with { Mend = "The daemon's log says more: journalctl -u qwamosd" }, out failure) : false;
    }

    private static long Number(JsonValue state, string name) => state.TryGet(name, out var value) && value.TryGetInteger(out var number) && number >= 0 ? number : 0;

    private static Failure NotOne(string why) => new(ExitCode.Refused, $"the daemon's answer is not that of a backup: {why}");

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
