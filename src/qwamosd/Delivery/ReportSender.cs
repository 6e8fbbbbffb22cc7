using System.Text;
using System.Threading.Channels;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>Brings what domains say to be in force to qwamosd, several together, on a connection of its own: many commits are one. Thread-safe.</summary>
internal sealed class ReportSender(string busSocket, TimeProvider time)
{
    private const int MaxTogether = 32;

    private readonly Channel<(InForceStatement Statement, TaskCompletionSource<AnswerReader> Answer)> _waiting =
        Channel.CreateBounded<(InForceStatement, TaskCompletionSource<AnswerReader>)>(Limits.MaxGateways);

    /// <summary>qwamosd's answer.</summary>
    /// <exception cref="LinkException">It cannot be asked.</exception>
    public async Task<AnswerReader> TellAsync(InForceStatement statement, CancellationToken stop)
    {
        var answer = new TaskCompletionSource<AnswerReader>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _waiting.Writer.WriteAsync((statement, answer), stop).ConfigureAwait(false);
        return await answer.Task.WaitAsync(stop).ConfigureAwait(false);
    }

    /// <summary>Until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        Link? link = null;
        var together = new List<(InForceStatement Statement, TaskCompletionSource<AnswerReader> Answer)>();
        try
        {
            while (await _waiting.Reader.WaitToReadAsync(stop).ConfigureAwait(false))
            {
                together.Clear();
                while (together.Count < MaxTogether && _waiting.Reader.TryRead(out var item))
                    together.Add(item);
                try
                {
                    if (link?.IsQuiet != true)
                    {
                        link?.Dispose();
                        link = null;
                        link = await Link.OpenAsync(busSocket, time, stop).ConfigureAwait(false);
                    }
                    AnswerReader[] answers = await link.AskAsync([.. together.Select(item => Request(item.Statement))], stop).ConfigureAwait(false);
                    for (int i = 0; i < answers.Length; i++)
                        together[i].Answer.TrySetResult(answers[i]);
                }
                catch (LinkException e)
                {
                    link?.Dispose();
                    link = null;
                    foreach (var item in together)
                        item.Answer.TrySetException(new LinkException(e.Message));
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The courier ends.
        }
        finally
        {
            link?.Dispose();
        }
    }

    private static ReadOnlyMemory<byte> Request(InForceStatement statement) =>
        Encoding.UTF8.GetBytes($$$"""{"msg":{"args":{{{JsonText.ToText(statement.ToJson())}}},"command":"{{{Commands.Report}}}"}}""");
}
