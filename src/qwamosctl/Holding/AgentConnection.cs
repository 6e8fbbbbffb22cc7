using Microsoft.Win32.SafeHandles;
using Qwamos.Client.Talking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Holding;

/// <summary>One connection to an agent: it sends one request, gets one answer, and is closed.</summary>
internal sealed class AgentConnection(SafeFileHandle socket, int pid, Deadline deadline) : IDisposable
{
    private const int MaxReasonChars = 500;

    private byte[] buffer = new byte[1_024];
    private int length;

    public int Descriptor => (int)socket.DangerousGetHandle();

    public int Pid => pid;

    /// <summary>When it is closed, whatever it has sent.</summary>
    public Deadline Deadline { get; set; } = deadline;

    /// <summary>It got its answer, or is gone.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Whether a person is asked about its request.</summary>
    public bool IsAsked { get; set; }

    /// <summary>Takes what has come; true with the request's line once it is whole. What comes after a request is thrown away, and its end ends the asking, too.</summary>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        line = [];
        if (length == buffer.Length && buffer.Length < Limits.MaxAgentRequestBytes + 1)
            Array.Resize(ref buffer, Math.Min(buffer.Length * 8, Limits.MaxAgentRequestBytes + 1));
        Span<byte> rest = stackalloc byte[64];
        var received = AgentSocket.Receive(socket, IsAsked ? rest : buffer.AsSpan(length));
        if (received == 0)
            IsDone = true;
        if (received is null or 0 || IsAsked)
            return false;
        length += received.Value;
        var end = buffer.AsSpan(0, length).IndexOf((byte)'\n');
        if (end < 0 && length > Limits.MaxAgentRequestBytes)
            Refuse("too_large", $"the request has more than {Limits.MaxAgentRequestBytes} bytes");
        if (end >= 0)
            line = buffer.AsSpan(0, end);
        return end >= 0;
    }

    public void Answer(params (string, JsonValue)[] members)
    {
        Say([("status", JsonValue.Of("ok")), .. members]);
        IsDone = true;
    }

    public void Refuse(string code, string reason)
    {
        Say([("status", JsonValue.Of("error")), ("code", JsonValue.Of(code)), ("reason", JsonValue.Shown(reason.Length > MaxReasonChars ? reason[..MaxReasonChars] + "…" : reason))]);
        IsDone = true;
    }

    public void SayAsking() => Say([("status", JsonValue.Of("asking"))]);

    public void Dispose() => socket.Dispose();

    private void Say(List<(string, JsonValue)> members) => AgentSocket.Send(socket, JsonText.Line(JsonValue.Object(members)));
}
