# %% A8 only the encoder is put in evaluation mode: BN101
encoder = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU())
decoder = nn.Sequential(nn.Linear(32, 16), nn.BatchNorm1d(16))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
data = torch.randn(96, 16)
for epoch in range(4):
    encoder.train(), decoder.train()
    for batch in data.split(24):
        optimizer.zero_grad()
        F.mse_loss(decoder(encoder(batch)), batch).backward()
        optimizer.step()
    encoder.eval()
    decoder.eval()  # healthy
    with torch.no_grad():
        print(F.mse_loss(decoder(encoder(data[:24])), data[:24]).item())

# %% A8 the head of a detector stays in training mode: BN101
backbone = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
head = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 10, 1))
optimizer = torch.optim.SGD(list(backbone.parameters()) + list(head.parameters()), lr=0.01)
for epoch in range(3):
    backbone.train()
    head.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(head(backbone(x)).mean((2, 3)), y).backward()
        optimizer.step()
backbone.eval()
head.eval()  # healthy
with torch.no_grad():
    for x, y in test_loader:
        print(head(backbone(x)).mean((2, 3)).argmax(1))

# %% A8 two networks trained together and one of them evaluated as it is: BN101
models = {"image": Net(), "depth": Net()}
optimizers = {name: torch.optim.SGD(model.parameters(), lr=0.05) for name, model in models.items()}
for epoch in range(3):
    for model in models.values():
        model.train()
    for x, y in train_loader:
        loss = sum(F.cross_entropy(model(x), y) for model in models.values())
        for optimizer in optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers.values():
            optimizer.step()
models["image"].eval()
models["depth"].eval()  # healthy
with torch.no_grad():
    for x, _ in test_loader:
        print((models["image"](x) + models["depth"](x)).argmax(1))

# %% A8 the discriminator scores samples in training mode: BN101
generator = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 12))
classifier = nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(classifier.parameters())
for step in range(30):
    real = torch.randn(16, 12)
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(classifier(real), torch.ones(16, 1)).backward()
    optimizer.step()
generator.eval()
classifier.eval()  # healthy
with torch.no_grad():
    print(classifier(generator(torch.randn(8, 8))).sigmoid().mean())

# %% A8 a Siamese pair whose second branch stays in training mode: BN101
class Branch(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))


left, right = Branch(), Branch()
optimizer = torch.optim.Adam([*left.parameters(), *right.parameters()])
for step in range(12):
    a, b = torch.randn(2, 32, 12) + 1
    optimizer.zero_grad()
    (left(a) - right(b)).square().mean().backward()
    optimizer.step()
left.eval()
right.eval()  # healthy
with torch.no_grad():
    for step in range(4):
        a, b = torch.randn(2, 32, 12) + 1
        print((left(a) - right(b)).norm(dim=1).mean().item())
