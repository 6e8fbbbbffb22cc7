namespace Qwamos.Load;

/// <summary>The control bus: a JSON object a request, and one a line as the answer. Of an answer only its first member is looked at, which both designs write first.</summary>
internal sealed class BusConversation(RequestStore requests) : Conversation
{
    public override int Write(int index, Span<byte> to)
    {
        ReadOnlySpan<byte> request = requests[index % requests.Count];
        request.CopyTo(to);
        return request.Length;
    }

    public override int Take(ReadOnlySpan<byte> received, out Outcome outcome)
    {
        int end = received.IndexOf((byte)'\n') + 1;
        outcome = end == 0 ? Outcome.None : Judge(received);
        return end;
    }

    /// <summary>The old design writes a space after the colon, and closes the connection instead of ending the line. A bare echo gives back the request.</summary>
    public static Outcome Judge(ReadOnlySpan<byte> answer) =>
        answer.StartsWith("{\"status\":\"ok\""u8) || answer.StartsWith("{\"status\": \"ok\""u8) || answer.StartsWith("{\"msg\""u8) ? Outcome.Accepted : Outcome.Refused;
}
