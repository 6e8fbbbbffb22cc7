using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Tests.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Pipeline;

public sealed class TrustRootAnswersTests : IDisposable
{
    private readonly LedgerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Versions_asked_for_again_are_answered_without_a_look_at_the_ledger()
    {
        var store = _folder.Open();
        History history;
        TrustRootAnswers answers;
        string newest, first, second;
        using (store)
        {
            history = new History(store);
            answers = new TrustRootAnswers(store, () => new PublishedState(history.State, MerkleTree.Of([]), 0), null!);
            for (var version = 1; version <= 3; version++)
                history.NextRoot();
            newest = Ask(answers, null);
            second = Ask(answers, 2);
            first = Ask(answers, 1);
            Assert.Contains("\"version\":3", newest, StringComparison.Ordinal);
            Assert.NotEqual(first, second);
            Assert.Equal(newest, Ask(answers, 3));
            history.NextRoot();
            Assert.Contains("\"version\":4", Ask(answers, null), StringComparison.Ordinal);
            newest = Ask(answers, null);
            first = Ask(answers, 1);
        }
        Assert.Equal(newest, Ask(answers, null));
        Assert.Equal(newest, Ask(answers, 4));
        Assert.Equal(first, Ask(answers, 1));
        // One that is not kept is read, which shows that the others were not.
        Assert.ThrowsAny<Exception>(() => Ask(answers, 2));
    }

    private static string Ask(TrustRootAnswers answers, long? version)
    {
        var draft = new MessageDraft { Command = Commands.GetTrustRoot, Args = version is { } asked ? JsonValue.Object([("version", JsonValue.Of(asked))]) : null };
        Assert.True(EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal), refusal?.Reason);
        Assert.True(answers.TryRead(envelope.Message, out var members, out refusal), refusal?.Reason);
        return Encoding.UTF8.GetString(Answer.Ok([.. members]));
    }
}
