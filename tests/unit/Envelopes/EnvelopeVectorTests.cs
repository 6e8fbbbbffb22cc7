using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Envelopes;

/// <summary>
/// docs/formats/envelope-vectors.json, for other implementers. Verdicts are written by hand in the case files; with QWAMOS_WRITE_VECTORS=1 this
/// writes the file anew, else the file must be what it would write, and every vector must be judged from the file alone as it says.
/// </summary>
public sealed class EnvelopeVectorTests
{
    private const int FewestVectors = 60;
    private const int LongestShownMessageChars = 8_192;

    private static readonly string VectorFile = Path.Combine(Repository.Root, "docs", "formats", "envelope-vectors.json");

    private static readonly JsonSerializerOptions Readable = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Domains of the vectors and their classes; RADIO_ISOLATION, the key they set, is of class gateway.</summary>
    private static readonly Dictionary<string, string> Domains = new()
    {
        ["dom0"] = "dom0",
        ["ui"] = "ui",
        ["gateway"] = "gateway",
        ["gateway2"] = "gateway",
    };

    private static IEnumerable<VectorCase> Cases => [.. AcceptedCases.All, .. MalformedCases.All, .. DisbelievedCases.All];

    [Fact]
    public void File_holds_exactly_these_vectors()
    {
        string text = Write().ToJsonString(Readable) + "\n";
        if (Environment.GetEnvironmentVariable("QWAMOS_WRITE_VECTORS") == "1")
            File.WriteAllText(VectorFile, text);
        Assert.True(text == File.ReadAllText(VectorFile), "docs/formats/envelope-vectors.json is not what the cases say: run the tests with QWAMOS_WRITE_VECTORS=1");
    }

    [Fact]
    public void Every_vector_is_judged_as_the_file_says()
    {
        var vectors = JsonNode.Parse(File.ReadAllText(VectorFile))!["vectors"]!.AsArray();
        Assert.True(vectors.Count >= FewestVectors);
        Assert.Equal(vectors.Count, vectors.Select(vector => (string)vector!["name"]!).Distinct().Count());
        foreach (var vector in vectors)
        {
            byte[] request = vector!["request"] is { } text ? Encoding.UTF8.GetBytes((string)text!) : Convert.FromBase64String((string)vector["request_base64"]!);
            var refusal = Judge(vector, request, out var envelope, out var signer);
            string? code = refusal is null ? null : ErrorCodes.Name(refusal.Code);
            Assert.True(code == (string?)vector["code"], $"{vector["name"]}: {code ?? "accepted"} ({refusal?.Reason})");
            Assert.Equal((string)vector["verdict"]!, code is null ? "accepted" : "refused");
            Assert.Equal((string?)vector["signer"], signer?.ToString());
            if (envelope is not null)
                Assert.Equal((string?)vector["canonical"], Encoding.UTF8.GetString(envelope.Message.Canonical.Span));
        }
    }

    [Fact]
    public void Every_code_up_to_bad_signature_has_a_vector()
    {
        var codes = Cases.Select(vector => vector.Code).ToHashSet();
        Assert.All(
            ErrorCodes.All.Where(code => code <= ErrorCode.BadSignature), code => Assert.Contains(code, codes.OfType<ErrorCode>()));
    }

    private static Refusal? Judge(JsonNode vector, byte[] request, out Envelope? envelope, out KeyId? signer)
    {
        signer = null;
        if (!EnvelopeReader.TryRead(request, out envelope, out var refusal))
            return refusal;
        var verifier = new Verifier(new VerifierOptions
        {
            Keys = [.. vector["active_keys"]!.AsArray().Select(key => LoadKey((string)key!))],
            SystemId = (string?)vector["system_id"],
            SystemRequired = (bool)vector["system_required"]!,
            AudienceRule = JudgeAudience,
        });
        var now = new EffectiveTime((long)vector["clock"]!, (long)vector["floor"]!);
        Assert.Equal((long)vector["now"]!, now.Now);
        signer = verifier.Check(envelope, now).TryGet(out var message, out refusal) ? message.Signer : null;
        return refusal;
    }

    private static VerifyingKey LoadKey(string hex) =>
        VerifyingKey.TryLoad(Convert.FromHexString(hex), out var key, out string? fault) ? key : throw new InvalidDataException(fault);

    private static Refusal? JudgeAudience(Message message) =>
        message.Audience is null || message.Audience.All(name => Domains.TryGetValue(name, out string? domainClass) && domainClass == "gateway")
            ? null
            : new Refusal(ErrorCode.WrongAudience, "the audience is not known here");

    private static JsonObject Write() => new()
    {
        ["format"] = 1,
        ["about"] = "Requests of the signed control bus and the verdict on each; docs/formats/envelope.md says how to read this file.",
        ["keys"] = new JsonArray(
            WriteKey("operator", 0x00, TestKeys.Operator),
            WriteKey("second", 0x20, TestKeys.Second),
            WriteKey("stranger", 0x40, TestKeys.Stranger)),
        ["domains"] = new JsonObject(Domains.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
        ["vectors"] = new JsonArray([.. Cases.Select(WriteVector)]),
    };

    private static JsonObject WriteKey(string name, byte firstOfSeed, SigningKey key) => new()
    {
        ["name"] = name,
        ["seed"] = Convert.ToHexStringLower(TestKeys.Seed(firstOfSeed)),
        ["public"] = Convert.ToHexStringLower(key.Public.Raw),
        ["key_id"] = key.Public.Id.ToString(),
    };

    private static JsonObject WriteVector(VectorCase vector)
    {
        var written = new JsonObject
        {
            ["name"] = vector.Name,
            ["verdict"] = vector.Code is null ? "accepted" : "refused",
            ["code"] = vector.Code is { } code ? ErrorCodes.Name(code) : null,
            ["clock"] = vector.Clock,
            ["floor"] = vector.Floor,
            ["now"] = Math.Max(vector.Clock, vector.Floor - 300),
            ["system_id"] = vector.SystemId,
            ["system_required"] = vector.SystemRequired,
            ["active_keys"] = new JsonArray(
                Convert.ToHexStringLower(TestKeys.Operator.Public.Raw), Convert.ToHexStringLower(TestKeys.Second.Public.Raw)),
        };
        string text = Encoding.UTF8.GetString(vector.Request);
        bool isText = Encoding.UTF8.GetBytes(text).AsSpan().SequenceEqual(vector.Request) && !text.StartsWith('\ufeff');
        written[isText ? "request" : "request_base64"] = isText ? text : Convert.ToBase64String(vector.Request);
        if (EnvelopeReader.TryRead(vector.Request, out var envelope, out _))
            WriteParts(vector, envelope, written);
        return written;
    }

    private static void WriteParts(VectorCase vector, Envelope envelope, JsonObject written)
    {
        string canonical = Encoding.UTF8.GetString(envelope.Message.Canonical.Span);
        if (canonical.Length <= LongestShownMessageChars)
            written["message"] = JsonNode.Parse(JsonText.Bytes(envelope.Message.Document));
        written["canonical"] = canonical;
        if (envelope.Signatures is not [var signature, ..])
            return;
        if (envelope.Signatures.Count == 1)
            written["signature"] = Convert.ToBase64String(signature.Bytes.Span);
        if (vector.Code is null)
        {
            var signer = new[] { TestKeys.Operator, TestKeys.Second }
                .Single(key => key.Public.Verify(envelope.Message.Canonical.Span, signature.Bytes.Span));
            written["signer"] = signer.Public.Id.ToString();
        }
    }
}
