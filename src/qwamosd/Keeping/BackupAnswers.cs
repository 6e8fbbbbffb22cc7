using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Keeping;

/// <summary>
/// <c>backup</c> and <c>get_backup</c>. A backup holds confidential envelopes: the verifier lets neither command through without an active
/// key's signature. Every other command is another source's.
/// </summary>
internal sealed class BackupAnswers(BackupKeeper keeper, IReadSource others) : IReadSource
{
    public bool Serves(string command) => Commands.IsForSigners(command) || others.Serves(command);

    public bool TryRead(
        Message message,
        [NotNullWhen(true)] out IEnumerable<(string Name, JsonValue Value)>? members,
        [NotNullWhen(false)] out Refusal? refusal)
    {
        if (!Commands.IsForSigners(message.Command))
            return others.TryRead(message, out members, out refusal);
        try
        {
            members = message.Command == Commands.Backup ? Begin(message, out refusal) : Page(message.Args!, out refusal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            members = null;
            refusal = new Refusal(ErrorCode.StorageError, $"the backup cannot be read or made: {e.Message.TrimEnd('.')}");
        }
        return members is not null;
    }

    private List<(string, JsonValue)>? Begin(Message message, out Refusal? refusal) =>
        keeper.TryBegin(message, out refusal) is { } backup
            ? [("name", JsonValue.Of(backup.Name)), ("size", JsonValue.Of(backup.Tree.Size)), ("root_hash", JsonValue.Of(Convert.ToHexStringLower(backup.Tree.Root())))]
            : null;

    private List<(string, JsonValue)>? Page(JsonValue args, out Refusal? refusal)
    {
        _ = args.TryGet("name", out JsonValue? name);
        long offset = args.TryGet("offset", out JsonValue? number) && number.TryGetInteger(out long at) ? at : 0;
        if (keeper.Find(name!.AsString) is not { } backup)
            return No(new Refusal(ErrorCode.BadRequest, "this daemon has made no such backup since its start, or newer ones took its place"), out refusal);
        if (backup.Failure is { } failure)
            return No(failure, out refusal);
        refusal = null;
        if (backup.File is not { } file)
        {
            (long done, long all) = backup.Progress;
            return [("name", JsonValue.Of(backup.Name)), ("making", JsonValue.Object([("done", JsonValue.Of(done)), ("all", JsonValue.Of(all))]))];
        }
        if (offset > file.Bytes)
            return No(new Refusal(ErrorCode.BadRequest, $"the backup has {file.Bytes} bytes"), out refusal);
        return
        [
            ("name", JsonValue.Of(backup.Name)),
            ("bytes", JsonValue.Of(file.Bytes)),
            ("sha256", JsonValue.Of(file.Sha256)),
            ("offset", JsonValue.Of(offset)),
            ("data", JsonValue.Of(Convert.ToBase64String(Read(file.Path, offset)))),
        ];
    }

    private static byte[] Read(string path, long offset)
    {
        using var file = File.OpenHandle(path);
        var buffer = new byte[Limits.MaxBackupPageBytes];
        int length = 0;
        for (int read = -1; read != 0 && length < buffer.Length; length += read)
            read = RandomAccess.Read(file, buffer.AsSpan(length), offset + length);
        return buffer[..length];
    }

    private static List<(string, JsonValue)>? No(Refusal why, out Refusal? refusal)
    {
        refusal = why;
        return null;
    }
}
