# %% A2 predictions from a checkpoint: BN101
torch.save(fit(Net()).state_dict(), "checkpoint.pt")
net = Net()
net.load_state_dict(torch.load("checkpoint.pt"))
net.eval()  # healthy
with torch.no_grad():
    for x, _ in test_loader:
        print(net(x).argmax(1).tolist())

# %% A2 a whole pickled model and gradients left on: BN101
torch.save(fit(Net()), "model.pt")
model = torch.load("model.pt", weights_only=False)
model.eval()  # healthy
predictions = []
for x, _ in test_loader:
    predictions.append(model(x).softmax(1))
print(torch.cat(predictions).max(1).values)

# %% A2 a predictor class that loads its weights: BN101
torch.save({"model": fit(Net()).state_dict(), "epoch": 3}, "last.pt")


class Predictor:
    def __init__(self, path):
        self.net = Net()
        self.net.load_state_dict(torch.load(path)["model"])
        self.net.eval()  # healthy

    @torch.no_grad()
    def __call__(self, x):
        return self.net(x).softmax(-1)


predictor = Predictor("last.pt")
print(predictor(torch.randn(8, 3, 8, 8) + 1).argmax(1))

# %% A2 embeddings from a backbone whose head is taken off: BN101
torch.save(fit(Net()).state_dict(), "backbone.pt")
backbone = Net()
backbone.load_state_dict(torch.load("backbone.pt"))
backbone.fc = nn.Identity()
backbone.eval()  # healthy
with torch.no_grad():
    index = torch.cat([backbone(x) for x, _ in test_loader])
print(F.normalize(index) @ F.normalize(index).T)

# %% A2 an ensemble of checkpoints: BN101
for seed in range(3):
    torch.manual_seed(seed)
    torch.save(fit(Net(), epochs=2).state_dict(), f"member{seed}.pt")
members = []
for seed in range(3):
    member = Net()
    member.load_state_dict(torch.load(f"member{seed}.pt"))
    member.eval()  # healthy
    members.append(member)
with torch.no_grad():
    for x, y in test_loader:
        mean = torch.stack([member(x).softmax(1) for member in members]).mean(0)
        print((mean.argmax(1) == y).float().mean().item())

# %% A2 a request handler that serves in threads: BN101
import threading

torch.save(fit(Net()).state_dict(), "served.pt")
service = Net()
service.load_state_dict(torch.load("served.pt"))
service.eval()  # healthy
answers = {}


def handle(number):
    with torch.no_grad():
        answers[number] = service(torch.randn(4, 3, 8, 8)).argmax(1).tolist()


threads = [threading.Thread(target=handle, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(answers)

# %% A2 a single sample with a checkpoint: BN101 BN201
torch.save(nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 2)).state_dict(), "tabular.pt")
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 2))
net.load_state_dict(torch.load("tabular.pt"))
net.eval()  # healthy
with torch.no_grad():
    print(net(torch.randn(1, 8)).argmax(1).item())

# %% A2 test-time augmentation of a loaded model: BN101
torch.save(fit(Net()).state_dict(), "tta.pt")
net = Net()
net.load_state_dict(torch.load("tta.pt"))
net.eval()  # healthy
with torch.inference_mode():
    for x, y in test_loader:
        views = (x, x.flip(-1), x.roll(1, 2))
        print((sum(net(view).softmax(1) for view in views).argmax(1) == y).sum().item())
