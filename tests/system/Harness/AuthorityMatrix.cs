using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// Sends every request of <see cref="AuthorityTable"/> to a running program, signed by every set of holders with every state of a key, under two trust roots for each
/// threshold: the earlier one lists the keys that the later one retires or revokes. What is answered otherwise than the table says is kept as a sentence.
/// </summary>
/// <param name="socket">The program's.</param>
/// <param name="isGateway">Whether it is a gateway.</param>
/// <param name="roots">Draws up trust roots for its system.</param>
/// <param name="enrolled">The enrolled key, which signs the first version.</param>
/// <param name="ledgerKey">The verifier key that statements are about.</param>
internal sealed class AuthorityMatrix(string socket, bool isGateway, Roots roots, TestSigner enrolled, string ledgerKey)
{
    private static readonly KeyState[] States = Enum.GetValues<KeyState>();
    private static readonly string[][] Sets = [.. Enumerable.Range(1, (1 << AuthorityTable.People.Length) - 1).Select(bits => AuthorityTable.People.Where((_, i) => (bits & (1 << i)) != 0).ToArray())];

    private readonly Dictionary<string, TestSigner> _active = AuthorityTable.People.ToDictionary(name => name, _ => TestSigner.Fresh());
    private readonly JsonArray _revoked = [];
    private Dictionary<(string Holder, KeyState State), TestSigner> _keys = [];
    private JsonObject? _root;
    private long _statements;
    private bool _isArmed;

    public int Cases { get; private set; }

    /// <summary>Entries that the program must have recorded.</summary>
    public long Entries { get; private set; }

    /// <summary>How many cases came to each outcome.</summary>
    public SortedDictionary<string, int> Outcomes { get; } = new(StringComparer.Ordinal);

    /// <summary>What was not as the table says, one sentence a case.</summary>
    public List<string> Wrong { get; } = [];

    /// <summary>All cases of one threshold.</summary>
    public void Run(int threshold)
    {
        _keys = [];
        foreach (string holder in AuthorityTable.People)
        {
            foreach (KeyState state in States)
                _keys[(holder, state)] = state is KeyState.Active or KeyState.OfAnotherHolder ? _active[holder] : TestSigner.Fresh();
        }
        long index = Take(threshold, KeyState.Active, KeyState.Retired, KeyState.RevokedBehind, KeyState.RevokedAhead);
        RunUnder(threshold, isLater: false);
        foreach (string holder in AuthorityTable.People)
        {
            _revoked.Add(Roots.Revoked(_keys[(holder, KeyState.RevokedBehind)], index));
            _revoked.Add(Roots.Revoked(_keys[(holder, KeyState.RevokedAhead)], 1_000_000_000));
        }
        Take(threshold, KeyState.Active, KeyState.Second);
        RunUnder(threshold, isLater: true);
    }

    /// <summary>Puts the next version into force; the entry that records it.</summary>
    private long Take(int threshold, params KeyState[] listed)
    {
        JsonObject? before = _root;
        _root = roots.Draft(before is null ? 1 : before["version"]!.GetValue<long>() + 1, [.. AuthorityTable.People.SelectMany(holder => listed.Select(state => (holder, _keys[(holder, state)])))]);
        var roles = new JsonObject();
        foreach ((string name, string[] holders, string grants) in AuthorityTable.Roles)
        {
            JsonObject role = Roots.Role(AuthorityTable.Threshold(holders, threshold), holders);
            foreach ((string member, JsonNode? value) in JsonNode.Parse($"{{{grants}}}")!.AsObject())
                role[member] = value!.DeepClone();
            roles[name] = role;
        }
        _root["roles"] = roles;
        _root["revoked"] = _revoked.DeepClone();
        TestSigner[] signers = [.. before is null ? [enrolled] : Array.Empty<TestSigner>(), .. AuthorityTable.Roles[0].Holders.Select(holder => _active[holder])];
        using BusClient client = BusClient.Connect(socket);
        JsonElement answer = client.Ask(Roots.Request(_root, signers));
        if (answer.Code() != "ok")
            throw new InvalidOperationException($"the trust root was not taken: {answer}");
        Entries++;
        return answer.GetProperty("index").GetInt64();
    }

    private void RunUnder(int threshold, bool isLater)
    {
        var expected = new List<(string What, string Code)>();
        List<JsonElement> answers = Pipelined.Ask(socket, Requests(threshold, isLater, expected));
        for (int i = 0; i < answers.Count; i++)
            Compare($"{expected[i].What}, threshold {threshold}, {(isLater ? "later" : "earlier")} version", expected[i].Code, answers[i]);
        NextRoots(threshold, isLater);
    }

    /// <summary>The requests in the order in which they take effect, and beside each what it must come to.</summary>
    private IEnumerable<byte[]> Requests(int threshold, bool isLater, List<(string What, string Code)> expected)
    {
        // One request for all its signers: a second one would begin while the first one's backup is being made.
        string backup = Signed(new AuthorityRequest("backup"));
        AuthorityRequest[] all =
        [
            .. AuthorityTable.PolicyKeys.SelectMany(key => key.Values.Select(value => new AuthorityRequest("set_policy", $"{{\"{key.Name}\":{value}}}", key.Name, value))),
            .. AuthorityTable.Commands,
        ];
        foreach (AuthorityRequest request in all)
        {
            string what = $"{request.Command} {request.Args}";
            expected.Add(($"{what} unsigned", AuthorityTable.Unsigned(request, isGateway)));
            yield return Bytes($"{{\"msg\":{{{(request.Args is null ? "" : $"\"args\":{request.Args},")}\"command\":\"{request.Command}\"}}}}");
            foreach ((string[] signers, KeyState state, bool isBare) in Signings())
            {
                string code = AuthorityTable.Signed(request, signers, state, isBare, isLater, threshold, isGateway, _isArmed);
                expected.Add(($"{what} by {string.Join('+', signers)}, {state}{(isBare ? ", bare" : "")}", code));
                if (request.Command == "set_policy" && code is "ok" or "invalid_policy")
                    Entries++;
                if (request.Key == "GHOST.trigger" && code == "ok")
                    _isArmed = request.Value == "\"armed\"";
                yield return Sign(request.Command == "backup" ? backup : Signed(request), signers, state, isBare);
            }
        }
        foreach ((string[] signers, KeyState state, bool isBare) in Signings().Where(signing => signing.Signers.Length == 1 && !signing.IsBare))
        {
            string code = AuthorityTable.Statement(signers[0], state, isLater, threshold);
            expected.Add(($"ledger_key by {signers[0]}, {state}", code));
            if (code == "ok")
                Entries++;
            yield return Statement(signers[0], state);
        }
    }

    /// <summary>One after the other: of a user's trust roots two may wait.</summary>
    private void NextRoots(int threshold, bool isLater)
    {
        foreach ((string[] signers, KeyState state, bool isBare) in Signings())
        {
            if (isBare)
                continue;
            var next = (JsonObject)_root!.DeepClone();
            next["version"] = next["version"]!.GetValue<long>() + 1;
            JsonObject signed = Roots.Signed(next, [.. signers.Select((holder, i) => _keys[(holder, i == 0 ? state : KeyState.Active)])]);
            if (state == KeyState.OfAnotherHolder)
                signed["signatures"]![0]!["signature"] = Roots.SignatureOf(next, Other(signers[0]))["signature"]!.DeepClone();
            using BusClient client = BusClient.Connect(socket);
            JsonElement answer = client.Ask(Roots.Request(signed));
            string code = AuthorityTable.NextRoot(signers, state, isLater, threshold);
            Compare($"trust_root by {string.Join('+', signers)}, {state}, threshold {threshold}, {(isLater ? "later" : "earlier")} version", code, answer);
            if (code != "ok")
                continue;
            Entries++;
            _root = next;
        }
    }

    private void Compare(string what, string code, JsonElement answer)
    {
        Cases++;
        Outcomes[code] = Outcomes.GetValueOrDefault(code) + 1;
        if (answer.Code() != code)
            Wrong.Add($"{what}: {answer}, not {code}");
    }

    private static IEnumerable<(string[] Signers, KeyState State, bool IsBare)> Signings()
    {
        foreach (string[] signers in Sets)
        {
            foreach (KeyState state in States)
            {
                yield return (signers, state, false);
                // A bare signature names no holder whose it could not be.
                if (signers.Length == 1 && state != KeyState.OfAnotherHolder)
                    yield return (signers, state, true);
            }
        }
    }

    private string Signed(AuthorityRequest request) =>
        $"{{{(request.Args is null ? "" : $"\"args\":{request.Args},")}\"command\":\"{request.Command}\",\"nonce\":\"{TestSigner.FreshNonce()}\",\"system\":\"{roots.System}\",\"timestamp\":{TestSigner.Now}}}";

    private byte[] Sign(string message, string[] signers, KeyState state, bool isBare)
    {
        if (isBare)
            return Bytes($"{{\"msg\":{message},\"signature\":\"{Convert.ToBase64String(_keys[(signers[0], state)].SignBytes(message))}\"}}");
        IEnumerable<string> list = signers.Select((holder, i) =>
        {
            TestSigner key = _keys[(holder, i == 0 ? state : KeyState.Active)];
            TestSigner hand = i == 0 && state == KeyState.OfAnotherHolder ? Other(holder) : key;
            return $"{{\"key_id\":\"{key.KeyId}\",\"signature\":\"{Convert.ToBase64String(hand.SignBytes(message))}\"}}";
        });
        return Bytes($"{{\"msg\":{message},\"signatures\":[{string.Join(',', list)}]}}");
    }

    /// <summary>Each later than the one before: an older word is nobody's.</summary>
    private byte[] Statement(string signer, KeyState state)
    {
        long time = TestSigner.Now - 1_000_000 + _statements++;
        string statement = $"{{\"key\":\"{ledgerKey}\",\"system\":\"{roots.System}\",\"timestamp\":{time}}}";
        TestSigner key = _keys[(signer, state)], hand = state == KeyState.OfAnotherHolder ? Other(signer) : key;
        string signature = Convert.ToBase64String(hand.SignBytes("qwamos-ledger-key-v1\n" + statement));
        return Bytes($"{{\"msg\":{{\"args\":{{\"key\":\"{ledgerKey}\",\"key_id\":\"{key.KeyId}\",\"signature\":\"{signature}\",\"system\":\"{roots.System}\",\"timestamp\":{time}}},\"command\":\"ledger_key\"}}}}");
    }

    /// <summary>Another holder's key.</summary>
    private TestSigner Other(string holder) => _active[AuthorityTable.People[(Array.IndexOf(AuthorityTable.People, holder) + 1) % AuthorityTable.People.Length]];

    private static byte[] Bytes(string request) => Encoding.UTF8.GetBytes(request + "\n");
}
