using System.Text.Json;

namespace Qwamos.SystemTests.Harness;

/// <summary>Sends many requests on one connection, never more than 60 unanswered.</summary>
internal static class Pipelined
{
    private const int Window = 60;

    public static List<JsonElement> Ask(string socket, IEnumerable<byte[]> requests)
    {
        using BusClient client = BusClient.Connect(socket);
        var answers = new List<JsonElement>();
        int unanswered = 0;
        foreach (byte[] request in requests)
        {
            client.Send(request);
            if (++unanswered < Window)
                continue;
            answers.Add(client.Read());
            unanswered--;
        }

        while (unanswered-- > 0)
            answers.Add(client.Read());
        return answers;
    }
}
